"""Where an index lives: the text a person types in, an ``Address`` out.

``http(s)://host:9200/name`` is a cluster, ``os:name`` is the cluster of ``HYBRID_OPENSEARCH_URL``,
``gateway+http(s)://host:8080/name`` is a gateway before a cluster, anything else is a local directory.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .errors import AddressError, UsageError
from .settings import Settings

CLUSTER_SHORTHAND = "os:"
GATEWAY_PREFIX = "gateway+"
_SCHEMES = ("http", "https")
_FORBIDDEN_IN_NAMES = re.compile(r'[\\/*?"<>|\s,#:%]')
_MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """An index, or an alias, on an OpenSearch cluster."""

    url: str
    index: str

    def __str__(self) -> str:
        return f"{self.url}/{self.index}"


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    """An index as a gateway offers it."""

    url: str
    index: str

    def __str__(self) -> str:
        return f"{GATEWAY_PREFIX}{self.url}/{self.index}"


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """A directory that holds an index."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


Address = ClusterAddress | GatewayAddress | LocalAddress


def parse_address(text: str | Path, settings: Settings) -> Address:
    """Read an address; a name that OpenSearch would refuse and a password in it are refused here.

    A path is a folder, whatever it is called.
    """
    if isinstance(text, Path):
        return LocalAddress(text)
    if text.startswith(CLUSTER_SHORTHAND):
        return _expand_shorthand(text, settings)
    scheme, separator, _ = text.partition("://")
    if separator and scheme.lower().startswith(GATEWAY_PREFIX):
        behind = _parse_url(text[len(GATEWAY_PREFIX) :], scheme[len(GATEWAY_PREFIX) :])
        return GatewayAddress(behind.url, behind.index)
    if separator:
        return _parse_url(text, scheme)
    if not text.strip() or "\0" in text:
        raise AddressError("The address is empty or holds a NUL; say http(s)://host:9200/NAME, os:NAME or a folder.")
    return LocalAddress(Path(text))


def parse_cluster_address(text: str, settings: Settings, purpose: str) -> ClusterAddress:
    """Read the address of an index that ``purpose`` needs to be on a cluster."""
    place = parse_address(text, settings)
    if isinstance(place, LocalAddress):
        raise UsageError(f"{purpose} is for an index on a cluster, and {text} is a folder; hybrid ingest fills it.")
    return as_cluster(place, purpose)


def as_cluster(place: ClusterAddress | GatewayAddress, purpose: str) -> ClusterAddress:
    """Refuse a gateway where ``purpose`` needs the cluster itself."""
    if isinstance(place, GatewayAddress):
        raise UsageError(f"{purpose} needs the cluster itself; {place} is a gateway, which only answers questions.")
    return place


def check_index_name(name: str) -> str:
    """Give ``name`` back if OpenSearch takes it."""
    if not name or name in {".", ".."} or name[0] in "-_+" or len(name.encode()) > _MAX_NAME_BYTES:
        raise AddressError(f"{name!r} is no index name: 1 to 255 bytes that do not begin with - _ or +.")
    bad = _FORBIDDEN_IN_NAMES.search(name)
    if bad or name != name.lower():
        raise AddressError(f"{name!r} is no index name: {repr(bad.group()) if bad else 'upper case'} is not allowed.")
    return name


def _expand_shorthand(text: str, settings: Settings) -> ClusterAddress:
    name = check_index_name(text.removeprefix(CLUSTER_SHORTHAND))
    if settings.opensearch_url is None:
        raise AddressError(f"{text} needs HYBRID_OPENSEARCH_URL, for example http://127.0.0.1:9200.")
    scheme, separator, _ = settings.opensearch_url.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise AddressError("HYBRID_OPENSEARCH_URL is to begin with http:// or https://, as in http://127.0.0.1:9200.")
    return _parse_url(f"{settings.opensearch_url.rstrip('/')}/{name}", scheme)


def _parse_url(text: str, scheme: str) -> ClusterAddress:
    if "@" in text:
        # The text is not repeated: it carries a secret, wherever the sign stands.
        raise AddressError(
            "The address holds a user or password; put them in HYBRID_OPENSEARCH_USERNAME and "
            "HYBRID_OPENSEARCH_PASSWORD (or …_PASSWORD_FILE)."
        )
    if scheme.lower() not in _SCHEMES:
        raise AddressError(f"{scheme}:// is not known; say http://, https://, os:NAME or a folder.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise AddressError(f"The address cannot be read: {error}.") from error
    if parts.query or parts.fragment:
        raise AddressError(f"{text} holds a ? or #; an address is only http(s)://host:9200/NAME.")
    if not parts.hostname or port == 0:
        raise AddressError(f"{text} names no host; say http(s)://host:9200/NAME.")
    prefix, _, name = parts.path.rstrip("/").rpartition("/")
    if not name:
        raise AddressError(f"{text} names no index; say {text.rstrip('/')}/NAME.")
    return ClusterAddress(f"{parts.scheme}://{parts.netloc}{prefix}", check_index_name(name))
