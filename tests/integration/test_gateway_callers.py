"""In whose name the cluster is asked: a caller's credentials or the gateway's, and nothing shared between callers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeIndex
from tests.gateway_corpus import Corpus, fill
from tests.gateway_server import Server, gateway
from tests.integration.gateway_asking import BODY, PATIENT, is_search
from tests.services.discover import Service
from tests.services.http_server import Request
from tests.services.recorder import Recorder, forwarding, recorder

EVE = "Basic ZXZlOnNlY3JldA=="


@pytest.fixture(scope="module")
def corpus(make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw, missing=5)


@pytest.fixture
def recorded(opensearch: Service) -> Iterator[Recorder]:
    """Give a server that passes everything on to the node and remembers it."""
    with recorder(forwarding(opensearch.url)) as running:
        yield running


@pytest.fixture
def watched(corpus: Corpus, recorded: Recorder, tmp_path: Path) -> Iterator[tuple[Server, Recorder]]:
    """Give a gateway to a cluster that remembers what it is asked."""
    with gateway(tmp_path, recorded.url, "--index", corpus.name, *PATIENT) as server:
        yield server, recorded


def said(requests: list[Request]) -> set[str | None]:
    return {request.header("authorization") for request in requests}


def test_callers_credentials_go_on_and_the_gateways_stay_its_own(
    corpus: Corpus, recorded: Recorder, tmp_path: Path
) -> None:
    options = ("--index", corpus.name, *PATIENT)
    with gateway(
        tmp_path, recorded.url, *options, HYBRID_OPENSEARCH_USERNAME="gate", HYBRID_OPENSEARCH_PASSWORD="hunter2"
    ) as server:
        assert {value for value in said(recorded.requests) if value != EVE} == {"Basic Z2F0ZTpodW50ZXIy"}
        for mode in ("off", "on"):
            recorded.requests.clear()
            server.search(
                corpus.name, BODY, Authorization=EVE, X_Opaque_Id="page-1", X_Search_Mode=mode, Cookie="a=b"
            )
            searches = [one for one in recorded.requests if is_search(one)]
            assert said(searches) == {EVE}
            assert {one.header("x-opaque-id") for one in searches} == {"page-1"}
            assert {one.header("cookie") for one in searches} == {None}
            recorded.requests.clear()
            server.search(corpus.name, BODY, X_Search_Mode=mode)
            assert said([one for one in recorded.requests if is_search(one)]) == {None}


def test_the_gateways_credentials_are_lent_if_that_is_wanted(
    corpus: Corpus, recorded: Recorder, tmp_path: Path
) -> None:
    options = ("--index", corpus.name, "--lend-credentials", *PATIENT)
    with gateway(tmp_path, recorded.url, *options, HYBRID_OPENSEARCH_TOKEN="token") as server:
        recorded.requests.clear()
        server.search(corpus.name, BODY)
        assert said([one for one in recorded.requests if is_search(one)]) == {"Bearer token"}
        recorded.requests.clear()
        server.search(corpus.name, BODY, Authorization=EVE)
        assert said([one for one in recorded.requests if is_search(one)]) == {EVE}


def test_a_dense_set_is_not_shared_between_callers(corpus: Corpus, watched: tuple[Server, Recorder]) -> None:
    server, recorded = watched
    for caller, searches in ((EVE, 2), (EVE, 1), ("Basic Ym9iOng=", 2), (EVE, 1)):
        recorded.requests.clear()
        assert server.search(corpus.name, BODY, Authorization=caller).notes == ["on; text=query"]
        asked = [one for one in recorded.requests if is_search(one)]
        assert len(asked) == searches, "the dense set is asked for once a caller"
        assert said(asked) == {caller}
