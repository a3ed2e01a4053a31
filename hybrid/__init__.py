"""Exact BM25 + dense retrieval on OpenSearch.

>>> from hybrid import open_index
>>> index = open_index("http://127.0.0.1:9200/wiki")  # doctest: +SKIP
>>> index.search("who wrote it?", vector=[...], k=10)  # doctest: +SKIP
"""

from .engines.spec import IndexSpec
from .errors import HybridError
from .fusion import SimPrior
from .index import create_index, delete_index, open_async_index, open_index
from .passages import Hit, Passage, SearchResult
from .profile import Profile
from .reader.answers import Answer, AskResult

__all__ = [
    "Answer",
    "AskResult",
    "Hit",
    "HybridError",
    "IndexSpec",
    "Passage",
    "Profile",
    "SearchResult",
    "SimPrior",
    "create_index",
    "delete_index",
    "open_async_index",
    "open_index",
]
