"""A retriever for LlamaIndex; needs the extra ``[llama-index]``."""

from pathlib import Path
from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from ..engines.contract import Index
from .hits import check_options, describe, open_any, search


class HybridRetriever(BaseRetriever):
    """Ranks passages of an index: ``HybridRetriever("./wiki", k=5).retrieve("what causes the tides?")``."""

    def __init__(self, index: str | Path | Index, k: int = 10, **options: Any):
        """Take an address, or an index that is open; ``options`` are those of ``Index.search``."""
        check_options(options, "k")
        self._index = open_any(index)
        self._k = k
        self._options = options
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = search(self._index, query_bundle.query_str, self._k, self._options)
        return [
            NodeWithScore(node=TextNode(id_=hit.id, text=hit.text, metadata=describe(hit)), score=hit.score)
            for hit in hits
        ]
