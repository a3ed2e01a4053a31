"""A component for Haystack; needs the extra ``[haystack]``."""

import os
from pathlib import Path
from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict

from ..engines.contract import Index
from .hits import check_options, describe, open_any, search


@component
class HybridRetriever:
    """Ranks passages of an index: ``HybridRetriever("./wiki").run(query="what causes the tides?")``."""

    def __init__(self, index: str | Path, top_k: int = 10, options: dict[str, Any] | None = None):
        """Take an address, so that a pipeline can be saved; ``options`` are those of ``Index.search``."""
        check_options(options or {}, "top_k")
        # As text, that of a path still names a folder, whatever it is called.
        self.index = os.path.join(".", index) if isinstance(index, Path) else index
        self.top_k = top_k
        self.options = options or {}
        self._opened: Index | None = None

    def warm_up(self) -> None:
        """Open the index."""
        if self._opened is None:
            self._opened = open_any(self.index)

    @component.output_types(documents=list[Document])
    def run(self, query: str, top_k: int | None = None, filters: Any = None) -> dict[str, Any]:
        """Rank passages; ``filters`` are OpenSearch query clauses, in place of the component's own."""
        self.warm_up()
        assert self._opened is not None  # noqa: S101 - what warm_up is for
        options = self.options if filters is None else {**self.options, "filter": filters}
        hits = search(self._opened, query, self.top_k if top_k is None else top_k, options)
        return {
            "documents": [Document(id=hit.id, content=hit.text, meta=describe(hit), score=hit.score) for hit in hits]
        }

    def to_dict(self) -> dict[str, Any]:
        """Write the component as part of a pipeline."""
        document: dict[str, Any] = default_to_dict(self, index=self.index, top_k=self.top_k, options=self.options)
        return document

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "HybridRetriever":
        """Read it again."""
        read: HybridRetriever = default_from_dict(cls, data)
        return read
