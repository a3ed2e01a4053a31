"""What the tests of the gateway ask through it, and with how much patience."""

import json
from typing import Any

from tests.gateway_corpus import Corpus
from tests.gateway_dsl import ASKED
from tests.gateway_golden import GOLDEN
from tests.gateway_server import Answer, Server
from tests.services.http_server import Request

#: On a busy machine the first question may take longer than a page would wait.
PATIENT = ("--patience", "60")
ALL = 500
MATCH = {"match": {"text": ASKED}}
BODY: dict[str, Any] = {"query": MATCH, "size": 5, "_source": ["title"]}
FACETS = {"colour": {"terms": {"field": "meta.colour"}}, "year": {"terms": {"field": "meta.year"}}}
BLUE = {"term": {"meta.colour": "blue"}}


def searchkit(text: str, filters: list[Any] | None = None) -> Any:
    """Give the query that Searchkit writes."""
    sent = json.loads((GOLDEN / "searchkit-search.json").read_text("utf-8"))["sent"]["query"]
    query = json.loads(json.dumps(sent).replace("who invented the telephone", text))
    query["bool"]["filter"] = filters or []
    return query


def hybrid(server: Server, corpus: Corpus, body: Any) -> Answer:
    """Search, and fail unless the answer is hybrid and whole."""
    answer = server.search(corpus.name, body)
    assert answer.status == 200, answer.body
    assert [note.partition(";")[0] for note in answer.notes] == ["on"]
    assert answer.json["_shards"]["failed"] == 0
    return answer


def is_search(request: Request) -> bool:
    return "_search" in request.path or "_msearch" in request.path
