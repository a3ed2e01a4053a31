"""Names on the cluster: builders and parsers side by side.

People address an alias, ``wiki``. Behind it stands ``wiki--v1--1a2b3c4d``: its version and the checksum of the
mapping it was made with. Locks and jobs of the index are documents in ``wiki-jobs``, by whatever alias it is
addressed.
"""

import re
from dataclasses import dataclass

from ...address import check_index_name
from ...errors import AddressError

_CONCRETE = re.compile(r"(?P<alias>.+)--v(?P<version>[1-9][0-9]*)--(?P<checksum>[0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class IndexName:
    """The parts of a concrete index's name."""

    alias: str
    version: int
    checksum: str


def build_index_name(name: IndexName) -> str:
    """Write a concrete name; an alias that would be parsed differently is refused."""
    if "--" in name.alias:
        raise AddressError(f"{name.alias!r} cannot be the name of an index: -- is kept for versions.")
    return check_index_name(f"{name.alias}--v{name.version}--{name.checksum}")


def parse_index_name(text: str) -> IndexName | None:
    """Read a concrete name; None for a name of somebody else's making."""
    found = _CONCRETE.fullmatch(text)
    if found is None:
        return None
    return IndexName(found["alias"], int(found["version"]), found["checksum"])


def build_jobs_name(index: str) -> str:
    """Give the index that holds the locks and jobs of a concrete index; one that an alias leads to is found first."""
    parsed = parse_index_name(index)
    return f"{parsed.alias if parsed else index}-jobs"
