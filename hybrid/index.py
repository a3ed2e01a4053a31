"""``open_index(address)``: the one door to an index, wherever it lives.

An engine is imported when an address asks for it, so a folder is opened without what only clusters need.
"""

from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .address import GatewayAddress, LocalAddress, as_cluster, parse_address
from .engines.contract import AsyncIndex, Index
from .engines.spec import IndexSpec
from .errors import UsageError
from .profile import Profile
from .records import Check
from .settings import Settings, read_settings

if TYPE_CHECKING:
    from .engines.opensearch.client import Client


def open_index(
    address: str | Path, *, settings: Settings | None = None, headers: Mapping[str, str] | None = None
) -> Index:
    """Open the index at ``address``. ``headers`` go with every request to a cluster or gateway."""
    chosen = settings or read_settings()
    place = parse_address(address, chosen)
    if isinstance(place, LocalAddress):
        from .engines.local.index import LocalIndex

        _refuse_headers(address, headers)
        return LocalIndex.open(place, chosen)
    if isinstance(place, GatewayAddress):
        from .engines.remote import RemoteIndex

        return RemoteIndex.open(place, chosen, headers)
    from .engines.opensearch.index import OpenSearchIndex

    return OpenSearchIndex.open(place, chosen, headers)


def open_async_index(
    address: str | Path, *, settings: Settings | None = None, headers: Mapping[str, str] | None = None
) -> "Opening":
    """Open an index for asyncio, by ``await`` or in ``async with``; the options are those of ``open_index``."""
    return Opening(partial(_open_async, address, settings or read_settings(), headers))


class Opening:
    """An index that opens when it is awaited or entered."""

    def __init__(self, open_: Callable[[], Coroutine[Any, Any, AsyncIndex]]):
        self._open = open_
        self._index: AsyncIndex | None = None

    def __await__(self) -> Generator[Any, Any, AsyncIndex]:
        return self._open().__await__()

    async def __aenter__(self) -> AsyncIndex:
        self._index = await self
        return self._index

    async def __aexit__(self, *_: object) -> None:
        if self._index is not None:
            await self._index.close()


async def _open_async(address: str | Path, chosen: Settings, headers: Mapping[str, str] | None) -> AsyncIndex:
    place = parse_address(address, chosen)
    if isinstance(place, LocalAddress):
        from .engines.local.index import AsyncLocalIndex

        _refuse_headers(address, headers)
        return await AsyncLocalIndex.open(place, chosen)
    if isinstance(place, GatewayAddress):
        from .engines.remote import AsyncRemoteIndex

        return await AsyncRemoteIndex.open(place, chosen, headers)
    from .engines.opensearch.index import AsyncOpenSearchIndex

    return await AsyncOpenSearchIndex.open(place, chosen, headers)


def examine_index(address: str | Path, *, settings: Settings | None = None) -> list[Check]:
    """Check that what holds the index at ``address``, and the index itself, are fit for exact hybrid queries."""
    chosen = settings or read_settings()
    place = parse_address(address, chosen)
    if isinstance(place, LocalAddress):
        from .engines.local.doctor import examine as examine_folder

        return examine_folder(place.path)
    from .engines.opensearch.doctor import examine

    cluster = as_cluster(place, "Examining an index")
    with closing(_connect(cluster.url, chosen)) as client:
        return client.run(examine(cluster.index))


def create_index(
    address: str | Path, profile: Profile, spec: IndexSpec | None = None, *, settings: Settings | None = None
) -> str:
    """Create an empty index at ``address`` and give its concrete name."""
    chosen = settings or read_settings()
    place = parse_address(address, chosen)
    if isinstance(place, LocalAddress):
        from .engines.local.lifecycle import create_index as create_folder

        return create_folder(place.path, profile, spec or IndexSpec())
    from .engines.opensearch.lifecycle import create_index as create

    cluster = as_cluster(place, "Creating an index")
    with closing(_connect(cluster.url, chosen)) as client:
        return client.run(create(cluster.index, profile, spec or IndexSpec()))


def delete_index(address: str | Path, *, settings: Settings | None = None) -> None:
    """Delete the index at ``address`` with all its passages, locks and jobs."""
    chosen = settings or read_settings()
    place = parse_address(address, chosen)
    if isinstance(place, LocalAddress):
        from .engines.local.lifecycle import drop_index as drop_folder

        drop_folder(place.path)
        return
    from .engines.opensearch.lifecycle import drop_index

    cluster = as_cluster(place, "Deleting an index")
    with closing(_connect(cluster.url, chosen)) as client:
        client.run(drop_index(cluster.index))


def _connect(url: str, settings: Settings) -> "Client":
    from .engines.opensearch.client import Client

    return Client(url, settings)


def _refuse_headers(address: str | Path, headers: Mapping[str, str] | None) -> None:
    if headers:
        raise UsageError(f"{address} is a folder: there is nobody to send headers to.")
