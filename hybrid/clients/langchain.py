"""A retriever for LangChain; needs the extra ``[langchain]``."""

from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import run_in_executor
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from ..engines.contract import Index
from ..errors import UsageError
from .hits import check_options, describe, open_any, search

_OWN = "k outside of options"


class HybridRetriever(BaseRetriever):
    """Ranks passages of an index: ``HybridRetriever(index="./wiki", k=5).invoke("what causes the tides?")``.

    ``k`` and options may be said in a call as well: ``retriever.invoke("what causes the tides?", k=3, lam=0.8)``.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    #: An address, or an index that is open.
    index: Any
    k: int = 10
    #: Whatever ``Index.search`` takes: ``{"lam": 0.8, "filter": {"term": {"meta.lang": "en"}}}``.
    options: dict[str, Any] = Field(default_factory=dict)
    _opened: Index = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, given: Any) -> Any:
        """Refuse a name that is no field, which LangChain would pass over."""
        for name in given if isinstance(given, dict) else ():
            if name not in cls.model_fields:
                raise UsageError(
                    f"HybridRetriever has no field {name!r}; say index, k, and what else a search takes in "
                    "options=dict(lam=0.8)."
                )
        return given

    def model_post_init(self, context: Any) -> None:
        """Open the index, so that a wrong address shows at once."""
        super().model_post_init(context)
        check_options(self.options, _OWN)
        self._opened = open_any(self.index)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
        verbose: bool = False,  # noqa: ARG002 - LangChain's own, which it passes on
        **options: Any,
    ) -> list[Document]:
        check_options(options, "k")
        hits = search(self._opened, query, self.k if k is None else k, {**self.options, **options})
        return [Document(id=hit.id, page_content=hit.text, metadata=describe(hit)) for hit in hits]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        return await run_in_executor(
            None, self._get_relevant_documents, query, run_manager=run_manager.get_sync(), **options
        )
