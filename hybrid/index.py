"""``open_index(address)``: the one door to an index, wherever it lives."""

from collections.abc import Mapping
from contextlib import closing

from .address import ClusterAddress, parse_address
from .engines.opensearch.client import Client
from .engines.opensearch.doctor import Check, examine
from .engines.opensearch.index import AsyncOpenSearchIndex, OpenSearchIndex
from .engines.opensearch.lifecycle import IndexSpec, drop_index
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


def examine_index(address: str, *, settings: Settings | None = None) -> list[Check]:
    """Check that the cluster and the index at ``address`` are fit for exact hybrid queries."""
    chosen = settings or read_settings()
    cluster = cluster_address(address, chosen)
    with closing(Client(cluster.url, chosen)) as client:
        return client.run(examine(cluster.index))


def create_index(
    address: str, profile: Profile, spec: IndexSpec | None = None, *, settings: Settings | None = None
) -> str:
    """Create an empty index at ``address`` and give its concrete name."""
    chosen = settings or read_settings()
    cluster = cluster_address(address, chosen)
    with closing(Client(cluster.url, chosen)) as client:
        return client.run(create_on_cluster(cluster.index, profile, spec or IndexSpec()))


def delete_index(address: str, *, settings: Settings | None = None) -> None:
    """Delete the index at ``address`` with all its passages, locks and jobs."""
    chosen = settings or read_settings()
    cluster = cluster_address(address, chosen)
    with closing(Client(cluster.url, chosen)) as client:
        client.run(drop_index(cluster.index))


def cluster_address(text: str, settings: Settings) -> ClusterAddress:
    """Read an address that must be a cluster's."""
    address = parse_address(text, settings)
    if not isinstance(address, ClusterAddress):
        raise AddressError(
            f"{text} is a folder; an index lives on a cluster: say http(s)://host:9200/NAME, or os:NAME with "
            "HYBRID_OPENSEARCH_URL set."
        )
    return address
