"""An existing search page becomes hybrid: what it sends to OpenSearch is rewritten on the way, and read back."""
