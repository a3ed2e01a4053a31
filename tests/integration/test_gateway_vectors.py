"""Clients other than pages: vectors and the exact ranking under ``/v1``, and mistakes that are told."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from hybrid import open_index
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.gateway_corpus import Corpus, fill
from tests.gateway_dsl import ASKED
from tests.gateway_server import Server, gateway
from tests.integration.gateway_asking import PATIENT
from tests.services.discover import Service


@pytest.fixture(scope="module")
def corpus(make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw, missing=5)


@pytest.fixture(scope="module")
def on(corpus: Corpus, opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with gateway(tmp_path_factory.mktemp("gateway"), opensearch.url, "--index", corpus.name, *PATIENT) as server:
        yield server


def test_other_clients_get_vectors_and_the_exact_ranking(corpus: Corpus, on: Server) -> None:
    sent = {"index": corpus.name, "questions": [ASKED, "tides", ASKED]}
    encoded = on.ask("POST", "/v1/encode", json.dumps(sent).encode()).json
    assert encoded["pair_id"] == corpus.encoder.pair_id
    wanted_vectors = corpus.encoder.encode_questions([ASKED, "tides", ASKED])
    np.testing.assert_allclose(encoded["vectors"], wanted_vectors, atol=1e-4)
    asked = {
        "index": corpus.name,
        "question": ASKED,
        "k": 7,
        "lambda": 0.5,
        "filter": {"term": {"meta.colour": "blue"}},
    }
    found = on.ask("POST", "/v1/search", json.dumps(asked).encode())
    with open_index(corpus.address, settings=Settings()) as index:
        wanted = index.search(ASKED, k=7, lam=0.5, filter={"term": {"meta.colour": "blue"}})
    assert [hit["id"] for hit in found.json["hits"]] == [hit.id for hit in wanted.hits]
    for hit, true in zip(found.json["hits"], wanted.hits, strict=True):
        assert (hit["score"], hit["bm25"]) == (
            pytest.approx(true.score, abs=1e-4),
            pytest.approx(true.bm25, abs=1e-4),
        )
    assert (found.json["mode"], found.json["lambda"], found.notes) == ("hybrid", 0.5, ["on"])


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/v1/encode", {"questions": "who"}, 400),
        ("/v1/encode", {"questions": ["who"] * 300}, 400),
        ("/v1/encode", {"index": "elsewhere", "questions": ["who"]}, 404),
        ("/v1/encode", {"index": None, "questions": ["who"]}, 400),
        ("/v1/search", {"index": None, "question": "who"}, 400),
        ("/v1/search", {"index": ["wiki"], "question": "who"}, 400),
        ("/v1/search", {"question": 5}, 400),
        ("/v1/search", {"question": "who", "k": 0}, 400),
        ("/v1/search", {"question": "who", "k": 20_000}, 400),
        ("/v1/search", {"question": "who", "mode": "sideways"}, 400),
        ("/v1/search", {"question": "who", "vector": [1, 2]}, 400),
        ("/v1/search", {"question": "who", "some_day": 1}, 400),
        ("/v1/search", {"question": "who", "filter": {"script": {}}}, 400),
        ("/v1/search", {"question": "who", "filter": {"range": {"meta.year": {"gte": "x"}}}}, 400),
        ("/v1/search", {"question": "who", "answers": 3}, 400),
        ("/v1/ask", {"question": "who", "answers": 0}, 400),
        ("/v1/ask", {"question": "who", "answers": True}, 400),
        ("/v1/ask", {"question": "who", "rule": "sideways"}, 400),
        ("/v1/ask", {"question": "who", "text": False}, 400),
        ("/v1/ask", {"question": "who", "reader": "/etc"}, 400),
        ("/v1/ask", {"index": "elsewhere", "question": "who"}, 404),
        ("/v1/profile", {}, 200),
        ("/v1/profile", {"index": "elsewhere"}, 404),
    ],
)
def test_other_clients_mistakes_are_told(path: str, sent: Any, status: int, corpus: Corpus, on: Server) -> None:
    answer = on.ask("POST", path, json.dumps({"index": corpus.name, **sent}).encode())
    assert answer.status == status
    assert set(answer.json) == ({"index", "profile"} if status == 200 else {"error", "status"})
