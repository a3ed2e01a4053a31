"""Feeding: from a source to passages in an index. Imports ``hybrid``, never ``workers``."""
