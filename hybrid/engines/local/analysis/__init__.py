"""Text to terms, token for token as Lucene's analyzers of the same names cut it."""

from .analyzers import Analyze, find_analyzer

__all__ = ["Analyze", "find_analyzer"]
