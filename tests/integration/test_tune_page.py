"""``hybrid tune --page``: λ beside a page's own clauses, scored as ``hybrid serve --text body`` scores them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid import Passage, open_index
from hybrid.engines.opensearch.calls import encode
from hybrid.engines.opensearch.index import OpenSearchIndex
from hybrid.engines.opensearch.queries import Target
from hybrid.errors import UsageError
from hybrid.gateway.find_text import Text, find_text
from hybrid.gateway.page_text import read_page_text
from hybrid.gateway.rewrite import Question, rewrite
from hybrid.gateway.sites import Site, find_site
from hybrid.requests import make_request
from hybrid.settings import Settings
from tests.commands import Say
from tests.conftest import MakeIndex, small_profile
from tests.made import make_corpus
from tests.messages import assert_one_clear_line

MADE = make_corpus()
FIELDS = frozenset({"title", "text", "contents"})
TRUE_LAMBDA = 2.0
COUNT = 120
#: What a page sends: a boosted title, a phrase, a filter of its own.
BODY: dict[str, Any] = {
    "query": {
        "bool": {
            "must": [{"multi_match": {"query": "moon tide ", "fields": ["title^3", "text"]}}],
            "should": [{"match_phrase": {"text": {"query": "moon tide", "boost": 2}}}],
            "filter": [{"exists": {"field": "text"}}],
        }
    },
    "size": 5,
}


@pytest.fixture(scope="module")
def address(make_index: MakeIndex) -> str:
    address = make_index(small_profile(depth=1000))
    with open_index(address, settings=Settings()) as index:
        index.add(MADE.passages, refresh=True)
    return address


def make_questions() -> tuple[list[str], NDArray[np.float32]]:
    """Ask for words of passages, with vectors of their own."""
    rng = np.random.default_rng(3)
    chosen = (MADE.passages[int(row)].text.split() for row in rng.integers(600, size=COUNT))
    texts = [" ".join(rng.choice(words, size=3)) for words in chosen]
    return texts, rng.normal(size=(COUNT, 8)).astype(np.float32)


def score_by_hand(raw: Any, address: str, question: str) -> dict[str, float]:
    """Let OpenSearch score every passage by the page's own clauses."""
    query = {
        "bool": {
            "must": [{"multi_match": {"query": question, "fields": ["title^3", "text"]}}],
            "should": [{"match_phrase": {"text": {"query": question, "boost": 2}}}],
        }
    }
    found = raw.search(index=address.rpartition("/")[2], body={"query": query, "size": 1000, "_source": False})
    return {hit["_id"]: hit["_score"] for hit in found["hits"]["hits"]}


def test_text_is_scored_as_the_page_scores_it(address: str, raw: Any) -> None:
    texts, vectors = make_questions()
    with open_index(address, settings=Settings()) as index:
        assert isinstance(index, OpenSearchIndex)
        paged = index.scored_by(read_page_text(BODY, FIELDS))
        for text, vector in zip(texts[:20], vectors, strict=False):
            wanted = score_by_hand(raw, address, text)
            lexical = paged.search(text, vector=vector, mode="lexical", k=1000)
            assert {hit.id: hit.bm25 for hit in lexical.hits} == pytest.approx(wanted, rel=1e-5)
            dense = paged.search(text, vector=vector, mode="dense", k=1000, dense="exact")
            assert len(dense.hits) == len(MADE.passages)
            assert {hit.id: hit.bm25 for hit in dense.hits if hit.bm25} == pytest.approx(wanted, rel=1e-5)
            best = paged.search(text, vector=vector, k=5, lam=TRUE_LAMBDA).hits
            sims = {hit.id: hit.sim for hit in dense.hits}
            scores = {one: wanted.get(one, 0.0) + TRUE_LAMBDA * (sim or 0.0) for one, sim in sims.items()}
            assert [hit.score for hit in best] == pytest.approx(sorted(scores.values())[:-6:-1], rel=1e-4)


def test_clauses_stay_when_a_longer_vector_makes_the_profile_old(make_index: MakeIndex) -> None:
    address, vector = make_index(), np.eye(8, dtype=np.float32)[0]
    with open_index(address, settings=Settings()) as index, open_index(address, settings=Settings()) as writer:
        assert isinstance(index, OpenSearchIndex)
        writer.add([Passage("p1", "red cat", vector=vector)], refresh=True)
        paged = index.scored_by(
            lambda text: {"constant_score": {"filter": {"match": {"contents": text}}, "boost": 7}}
        )
        writer.add([Passage("p2", "green", vector=-9 * vector)], refresh=True)
        with paged.hold() as held:
            for one in (paged, held):
                assert one.profile.max_norm < 9
                hits = one.search("red", vector=vector).hits
                assert [(hit.id, hit.sim) for hit in hits] == [("p1", 1.0), ("p2", -9.0)]
                assert [hit.bm25 for hit in hits] == pytest.approx([7.0, 0.0], abs=1e-5)


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (
            {"multi_match": {"query": "text", "fields": ["text", "title"]}},
            {"query": "Q", "fields": ["text", "title"]},
        ),
        ({"match": {"text": "text"}}, {"text": "Q"}),
        ({"match": {"text": {"query": "and ", "operator": "and"}}}, {"text": {"query": "Q", "operator": "and"}}),
        ({"query_string": {"query": "text", "default_field": "text"}}, {"query": "Q", "default_field": "text"}),
    ],
)
def test_only_the_text_becomes_another_question(query: Any, asked: Any) -> None:
    ((kind, _),) = query.items()
    told = [{kind: asked}, {"match_phrase": {"title": {"query": "Q", "_name": "words"}}}]
    words = next(iter(query[kind].values()))
    words = words["query"] if isinstance(words, dict) else words
    phrase = {"match_phrase": {"title": {"query": words, "_name": "words"}}}
    # The tag is no text field, so its clause stays outside.
    tagged = {"bool": {"should": [query, phrase, {"term": {"tag": words}}], "filter": [{"term": {"tag": words}}]}}
    for page in ({"bool": {"should": [query, phrase]}}, tagged):
        page_text = read_page_text({"query": page}, FIELDS)
        assert page_text("Q")["bool"]["should"] == told
        assert page_text(words.strip()) == read_page_text({"query": page_text(words.strip())}, FIELDS)(words.strip())


def test_gateway_scores_by_the_same_clauses() -> None:
    text = find_text(BODY["query"], FIELDS)
    assert isinstance(text, Text)
    site = find_site(BODY["query"], text)
    assert isinstance(site, Site)
    profile = small_profile()
    request = make_request("moon tide", profile, vector=np.ones(8))
    body = rewrite(BODY, site, Question(request, Target("i", ("i",), profile, 1), (), "body")).body
    sent = encode(body["rescore"]).replace(b"moon tide ", b"moon tide")
    assert encode(read_page_text(BODY, FIELDS)("moon tide")) in sent


def test_weight_beside_the_page_is_found(address: str, raw: Any, hybrid: Say, tmp_path: Path) -> None:
    texts, vectors = make_questions()
    sims = np.array([one.vector for one in MADE.passages]) @ vectors.T
    lines = []
    for row, text in enumerate(texts):
        scores = score_by_hand(raw, address, text)
        fused = [scores.get(one.id, 0.0) + TRUE_LAMBDA * sims[at, row] for at, one in enumerate(MADE.passages)]
        # Of equal passages the first by id counts.
        lines.append(min(MADE.passages[at].id for at in np.flatnonzero(np.isclose(fused, max(fused), rtol=1e-5))))
    questions, qrels, rows, page = (tmp_path / name for name in ("q.tsv", "qrels.txt", "v.npy", "page.json"))
    questions.write_text("".join(f"{row}\t{text}\n" for row, text in enumerate(texts)), "utf-8")
    qrels.write_text("".join(f"{row} 0 {right} 1\n" for row, right in enumerate(lines)), "utf-8")
    np.save(rows, vectors)
    page.write_text(json.dumps(BODY), "utf-8")
    options = ["--questions", questions, "--qrels", qrels, "--vectors", rows, "--metric", "top1", "--page", page]
    said = hybrid("tune", address, *options, "--lambda", "0,0.5,1,2,4")
    assert said.code == 0
    found = hybrid("tune", address, *options, "--lambda", "0,0.5,1,2,4", "--json").json
    reached = {point["lambda"]: point["mean"] for point in found["curve"]}
    assert reached[TRUE_LAMBDA] > 0.99
    assert max(mean for lam, mean in reached.items() if lam != TRUE_LAMBDA) < 0.97
    assert found["lambda"]["best"] == TRUE_LAMBDA
    assert found["sim_prior"] is None
    assert f"hybrid serve --text body --lambda {found['lambda']['chosen']:g}" in said.err
    assert "the profile holds none of it" in hybrid("tune", address, *options, "--write").err


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"query": {"match_all": {}}}, "no text"),
        ([], "no text"),
        ({"query": {"script_score": {"query": {"match": {"text": "tides"}}, "script": "_score"}}}, "lexical"),
        ({"query": {"function_score": {"query": {"match": {"text": "tides"}}, "weight": 2}}}, "multiplies"),
    ],
)
def test_bodies_that_no_weight_holds_for_are_told(body: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        read_page_text(body, FIELDS)
    assert_one_clear_line(raised.value)
