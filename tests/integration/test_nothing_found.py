"""Why an adopted index finds nothing under a filter is told alike by the index itself and through a gateway."""

from pathlib import Path
from typing import Any

from tests.commands import Said, Say
from tests.gateway_server import gateway
from tests.services.discover import Service


def test_adopted_index_says_how_it_is_filtered(
    adopt: Any, name: str, hybrid: Say, opensearch: Service, tmp_path: Path
) -> None:
    adopt()
    served = f"{name}-new"
    with gateway(tmp_path, opensearch.url, "--index", served) as server:
        for address in (f"{opensearch.url}/{served}", f"gateway+{server.url}/{served}"):
            search = ("search", address, "moon", "--mode", "lexical")
            said = hybrid(*search, "--where", "tags=a")
            assert (said.code, said.out) == (0, "")
            assert said.err.startswith("Nothing was found: an adopted index is filtered by its own fields: --filter ")
            own = hybrid(*search, "--filter", '{"term": {"brand": "nobody"}}')
            assert own == Said(0, "", "Nothing was found.\n")
