"""An index in a local directory."""
