"""The page at the gateway's ``/``, on an index that was adopted: fields of its own, filters on them."""

import secrets
from pathlib import Path
from typing import Any

from hybrid import open_index
from hybrid.cli.main import run
from tests.browser import Page
from tests.gateway_server import gateway
from tests.integration.adopting import create_shop
from tests.services.discover import Service
from tests.tiny_models import save_sentence_transformer

from .story import ids, look_up, rest

QUESTION = "the moon pulls the tide"


def test_an_adopted_index_is_shown_and_filtered(page: Page, opensearch: Service, raw: Any, tmp_path: Path) -> None:
    name, model = f"shop-{secrets.token_hex(6)}", save_sentence_transformer(tmp_path / "model")
    create_shop(raw, name, 60)
    source, new = (f"{opensearch.url}/{one}" for one in (name, f"{name}-new"))
    options = ["--text", "title,body", "--encoder", str(model), "--scale", "20", "--replicas", "0"]
    try:
        assert run(["adopt", source, new, *options]) == 0
        with gateway(tmp_path, opensearch.url, "--name", f"shop={name}-new") as server, open_index(new) as index:
            look_up(page, server, q=QUESTION)
            assert ids(page) == [hit.id for hit in index.search(QUESTION, dense="exact").hits]
            assert page.text("#size") == "shop"
            page.click("""#facets input[data-facet='brand="Acme"']""")
            page.wait("location.search.includes('m.brand=Acme')")
            rest(page)
            wanted = index.search(QUESTION, filter={"term": {"brand": "Acme"}}, dense="exact").hits
            assert ids(page) == [hit.id for hit in wanted]
            assert page.complaints == []
            headers = server.ask("GET", "/page/main.js").headers
            assert headers["content-type"] == "text/javascript; charset=utf-8"
            assert server.ask("GET", "/page/main.js", if_none_match=headers["etag"]).status == 304
            assert server.ask("GET", "/page/..%2fabout.py").status == 404
    finally:
        raw.indices.delete(index=f"{name}*")
