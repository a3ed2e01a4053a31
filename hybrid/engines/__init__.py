"""The engines behind ``open_index``; nobody outside this folder knows which one it has."""
