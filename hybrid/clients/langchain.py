"""A retriever for LangChain; needs the extra ``[langchain]``."""

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field, PrivateAttr

from ..engines.contract import Index
from .hits import describe, open_any, search


class HybridRetriever(BaseRetriever):
    """Ranks passages of an index: ``HybridRetriever(index="./wiki", k=5).invoke("what causes the tides?")``."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    #: An address, or an index that is open.
    index: Any
    k: int = 10
    #: Whatever ``Index.search`` takes: ``{"lam": 0.8, "filter": {"term": {"meta.lang": "en"}}}``.
    options: dict[str, Any] = Field(default_factory=dict)
    _opened: Index = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        """Open the index, so that a wrong address shows at once."""
        super().model_post_init(context)
        self._opened = open_any(self.index)

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:  # noqa: ARG002
        hits = search(self._opened, query, self.k, self.options)
        return [Document(id=hit.id, page_content=hit.text, metadata=describe(hit)) for hit in hits]
