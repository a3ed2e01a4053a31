"""The command ``hybrid``: one file a command."""
