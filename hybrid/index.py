"""``open_index(address)``: the one door to an index, wherever it lives."""

from collections.abc import Mapping

from .address import ClusterAddress, parse_address
from .engines.opensearch.client import Client
from .engines.opensearch.index import AsyncOpenSearchIndex, OpenSearchIndex
from .engines.opensearch.lifecycle import IndexSpec
from .engines.opensearch.lifecycle import create_index as create_on_cluster
from .errors import AddressError
from .profile import Profile
from .settings import Settings, read_settings


def open_index(
    address: str, *, settings: Settings | None = None, headers: Mapping[str, str] | None = None
) -> OpenSearchIndex:
    """Open the index at ``address``. ``headers`` go with every request to a cluster."""
    chosen = settings or read_settings()
    return OpenSearchIndex.open(cluster_address(address, chosen), chosen, headers)


async def open_async_index(
    address: str, *, settings: Settings | None = None, headers: Mapping[str, str] | None = None
) -> AsyncOpenSearchIndex:
    """Open the index at ``address`` for asyncio."""
    chosen = settings or read_settings()
    return await AsyncOpenSearchIndex.open(cluster_address(address, chosen), chosen, headers)


def create_index(
    address: str, profile: Profile, spec: IndexSpec | None = None, *, settings: Settings | None = None
) -> str:
    """Create an empty index at ``address`` and give its concrete name."""
    chosen = settings or read_settings()
    cluster = cluster_address(address, chosen)
    client = Client(cluster.url, chosen)
    try:
        return client.run(create_on_cluster(cluster.index, profile, spec or IndexSpec()))
    finally:
        client.close()


def cluster_address(text: str, settings: Settings) -> ClusterAddress:
    """Read an address that must be a cluster's."""
    address = parse_address(text, settings)
    if not isinstance(address, ClusterAddress):
        raise AddressError(
            f"{text} is a folder; an index lives on a cluster: say http(s)://host:9200/NAME, or os:NAME with "
            "HYBRID_OPENSEARCH_URL set."
        )
    return address
