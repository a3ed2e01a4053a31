"""``--page FILE``: an index whose text is scored as a search page scores it."""

from contextlib import closing
from pathlib import Path

import orjson

from ..address import parse_cluster_address
from ..engines.contract import Index
from ..engines.opensearch.calls import Call, ask
from ..engines.opensearch.client import Client
from ..engines.opensearch.index import OpenSearchIndex
from ..errors import UsageError
from ..settings import read_settings


def score_by_page(index: Index, address: str, path: Path | None) -> Index:
    """Give an index with the clauses of a page's search body in BM25's place; the index itself without one."""
    if path is None:
        return index
    from ..gateway.page_text import read_page_text
    from ..gateway.served import read_known

    settings = read_settings()
    place = parse_cluster_address(address, settings, "--page")
    if not isinstance(index, OpenSearchIndex):
        raise UsageError("--page wants an index on a cluster.")
    try:
        body = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise UsageError(f"Cannot read a search body from {path}: {error}.") from error
    with closing(Client(place.url, settings)) as client:
        mappings = client.run(ask(Call("GET", f"/{place.index}/_mapping"), what=f"read the mapping of {place.index}"))
    return index.scored_by(read_page_text(body, read_known(None, mappings).text_fields))
