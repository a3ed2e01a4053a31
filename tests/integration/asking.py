"""One use of an index from opening to closing, sync and async, and what a refusal of it must look like."""

import asyncio
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from hybrid import Passage, SearchResult, open_async_index, open_index
from hybrid.errors import HybridError
from hybrid.settings import Settings
from tests.integration.faults import name_of
from tests.messages import assert_one_clear_line
from tests.services.recorder import Recorder
from tests.services.tls_proxy import TlsProxy

PASSWORD = "hunter2-right"
Ask = Callable[..., SearchResult]


def ask_sync(address: str, settings: Settings, headers: Mapping[str, str] | None = None) -> SearchResult:
    with open_index(address, settings=settings, headers=headers) as index:
        index.add([Passage(id="1", text="t", vector=np.ones(8))], refresh=True)
        return index.search("t", vector=np.ones(8))


def ask_async(address: str, settings: Settings, headers: Mapping[str, str] | None = None) -> SearchResult:
    async def run() -> SearchResult:
        async with await open_async_index(address, settings=settings, headers=headers) as index:
            await index.add([Passage(id="1", text="t", vector=np.ones(8))], refresh=True)
            return await index.search("t", vector=np.ones(8))

    return asyncio.run(run())


either = pytest.mark.parametrize("ask", [ask_sync, ask_async], ids=["sync", "async"])


def behind(proxy: TlsProxy | Recorder, address: str) -> str:
    return f"{proxy.url}/{name_of(address)}"


def credentials(proxy: TlsProxy, **changes: Any) -> Settings:
    known = {
        "opensearch_username": proxy.username,
        "opensearch_password": proxy.password,
        "opensearch_ca_file": str(proxy.ca_file),
    }
    return Settings(**{**known, **changes})


def text_of(error: BaseException) -> str:
    """Give all that a traceback would print of an error and its causes."""
    return "".join(traceback.format_exception(error))


def refused(ask: Ask, address: str, settings: Settings, kind: type[HybridError]) -> str:
    with pytest.raises(kind) as raised:
        ask(address, settings)
    assert PASSWORD not in text_of(raised.value)
    return assert_one_clear_line(raised.value)
