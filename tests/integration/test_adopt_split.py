"""``hybrid adopt --split``: a vector for each passage of a document, of which the best one counts."""

import json
import random
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import Hit, open_index
from hybrid.encoders import load_encoder
from hybrid.engines.contract import Index
from tests.commands import Say, one_line
from tests.gateway_server import gateway
from tests.integration.adopting import WORDS, read_all, write
from tests.reference import explained_bm25
from tests.services.discover import Service
from tests.tiny_models import save_sentence_transformer

DOCUMENTS = 120
BLOCK = 10
SCALE = 20.0
LAMBDA = 1.1
QUESTION = "the moon pulls the tide of the ocean"
JSON = {"content_type": "application/json"}
BOB: dict[str, Any] = {"nested": {"path": "reviews", "query": {"term": {"reviews.by": "bob"}}}}
FILTERS: list[dict[str, Any]] = [
    {"term": {"brand": "acme"}},
    BOB,
    {"bool": {"must_not": [BOB]}},
    {"bool": {"must_not": [{"term": {"brand": "acme"}}]}},
]


def make_article(number: int, version: int = 0) -> dict[str, Any]:
    """Give a document of one word to a hundred, in two fields and lists of them."""
    chance = random.Random(number * 100 + version)
    words = chance.choices([*WORDS, "of", "the", "naïve", "月"], k=chance.choice([1, 9, 10, 11, 33, 100]))
    middle = len(words) // 2
    return {
        "title": f"The {words[0]} {number}",
        "body": [" ".join(words[:middle]), "  \n ".join(words[middle:])],
        "brand": ["acme", "bolt"][number % 2],
        "reviews": [{"by": "ann"}, *([{"by": "bob"}] if number % 3 else [])],
    }


@pytest.fixture
def name(raw: Any) -> Iterator[str]:
    """Give the name of an index of long documents; what is made of it is dropped with it."""
    name = f"long-{secrets.token_hex(6)}"
    fields = {
        "title": {"type": "text"},
        "body": {"type": "text"},
        "brand": {"type": "keyword"},
        "reviews": {"type": "nested", "properties": {"by": {"type": "keyword"}}},
    }
    raw.indices.create(
        index=name,
        body={"settings": {"number_of_replicas": 0, "number_of_shards": 2}, "mappings": {"properties": fields}},
    )
    write(raw, name, {f"d{number}": make_article(number) for number in range(DOCUMENTS)})
    yield name
    raw.indices.delete(index=f"{name}*")


@pytest.fixture
def adopt(hybrid: Say, opensearch: Service, name: str, model: Path) -> Callable[..., Any]:
    """Give a function that adopts the index, and gives what was said."""

    def run(*more: str) -> Any:
        new = f"{opensearch.url}/{name}-new"
        options = ("--text", "title,body", "--encoder", model, "--scale", str(SCALE), "--replicas", "0")
        said = hybrid("adopt", f"{opensearch.url}/{name}", new, *options, "--split", str(BLOCK), "--json", *more)
        assert said.code == 0, said.err
        return said.json

    return run


def cut(text: str) -> list[str]:
    """Give blocks of words, by another way than the one that is tested; blanks between words count for nothing."""
    words = text.split()
    return [" ".join(words[start : start + BLOCK]) for start in range(0, len(words), BLOCK)]


class Truth:
    """Both true scores of every document, by brute force over every passage."""

    def __init__(self, raw: Any, index: str, model: Path, question: str = QUESTION):
        encoder = load_encoder(str(model), scale=SCALE)
        self.vector = encoder.encode_questions([question])[0]
        self.sims: dict[str, float | None] = {}
        for key, document in read_all(raw, index).items():
            text = " ".join(document["body"])
            pairs = [(document["title"], block) for block in cut(text)]
            self.sims[key] = None
            for field in (one for one in document if one.startswith("vec_")):
                stored = np.array([one["vector"] for one in document[field]], dtype=np.float32).astype(np.float64)
                # Encoded in other company a vector differs a little.
                assert stored == pytest.approx(encoder.encode_passages(pairs), abs=5e-3), key
                self.sims[key] = float((stored @ self.vector.astype(np.float64)).max())
        self.bm25 = explained_bm25(raw, index, question, list(self.sims))

    def check(self, index: Index, allowed: set[str] | None = None, **options: Any) -> list[Hit]:
        """Search, and fail unless every hit has its true scores and no better one is missing."""
        k = options.pop("k", DOCUMENTS)
        hits = list(index.search(QUESTION, k=k, lam=LAMBDA, filter=options.pop("filter", None), **options).hits)
        prior, mode = index.profile.sim_prior, options.get("mode", "hybrid")
        scores = {}
        for key in self.sims if allowed is None else allowed:
            bm25, sim = self.bm25[key], self.sims[key]
            if mode == "lexical":
                scores[key] = bm25
            elif mode == "dense":
                scores |= {} if sim is None else {key: sim}
            elif sim is not None or bm25 > 0:
                scores[key] = bm25 + LAMBDA * (prior.a + prior.b * bm25 if sim is None else sim)
        if mode == "lexical":
            scores = {key: score for key, score in scores.items() if score > 0}
        for hit in hits:
            assert hit.bm25 == pytest.approx(self.bm25[hit.id], abs=1e-4)
            assert hit.sim == (None if self.sims[hit.id] is None else pytest.approx(self.sims[hit.id], abs=1e-4))
            assert hit.score == pytest.approx(scores[hit.id], abs=2e-4)
        best = sorted(scores.values(), reverse=True)[:k]
        assert [hit.score for hit in hits] == pytest.approx(best, abs=2e-4)
        return hits


def best_of(truth: Truth, k: int) -> list[str]:
    """Give the best documents in order, where all have vectors."""
    scores = {key: truth.bm25[key] + LAMBDA * (sim or 0.0) for key, sim in truth.sims.items()}
    return sorted(scores, key=lambda key: -scores[key])[:k]


@pytest.mark.parametrize("dense", ["exact", "ann"])
def test_scores_are_true_and_no_document_is_missing(
    adopt: Any, raw: Any, name: str, opensearch: Service, model: Path, dense: Any
) -> None:
    told = adopt()
    assert told["source"] == told["passages"] == told["encoded"] == DOCUMENTS
    assert told["pending"] == told["failed"] == told["truncated"] == 0
    truth = Truth(raw, f"{name}-new", model)
    assert max(len(cut(" ".join(make_article(n)["body"]))) for n in range(DOCUMENTS)) == 10
    with open_index(f"{opensearch.url}/{name}-new") as index:
        assert len(truth.check(index, dense=dense)) == DOCUMENTS
        truth.check(index, dense=dense, k=7)
        truth.check(index, dense=dense, k=7, mode="dense")
        truth.check(index, dense=dense, mode="dense")
        truth.check(index, dense=dense, k=7, mode="lexical", vector=truth.vector)
        # Ids alone are told by another part of the answer.
        ids = [hit.id for hit in index.search(QUESTION, k=9, lam=LAMBDA, dense=dense, text=False).hits]
        assert ids == [hit.id for hit in truth.check(index, dense=dense, k=9)]
        for one in FILTERS:
            found = raw.search(index=f"{name}-new", body={"query": {"bool": {"filter": [one]}}, "size": 1000})
            allowed = {hit["_id"] for hit in found["hits"]["hits"]}
            assert 0 < len(allowed) < DOCUMENTS
            for mode in ("hybrid", "dense"):
                truth.check(index, allowed, dense=dense, filter=one, mode=mode)


def test_a_shallow_search_proposes_the_best_of_each_side(
    adopt: Any, raw: Any, name: str, opensearch: Service, model: Path
) -> None:
    """Few candidates a shard: the best by BM25 and the best by the nearest passage, each with both true scores."""
    adopt()
    truth = Truth(raw, f"{name}-new", model)
    shards = [
        [
            hit["_id"]
            for hit in raw.search(
                index=f"{name}-new", body={"size": 1000, "_source": False}, params={"preference": f"_shards:{shard}"}
            )["hits"]["hits"]
        ]
        for shard in range(2)
    ]
    best: set[str] = set()
    for ids in shards:
        matching = [key for key in ids if truth.bm25[key] > 0]
        best |= set(sorted(matching, key=lambda key: -truth.bm25[key])[:3])
        best |= set(sorted(ids, key=lambda key: -(truth.sims[key] or 0.0))[:3])
    with open_index(f"{opensearch.url}/{name}-new") as index:
        hits = truth.check(index, best, k=len(best), depth=3, dense="exact")
        assert {hit.id for hit in hits} == best
        truth.check(index, best, k=4, depth=3, dense="exact")


def test_documents_without_vectors_are_found_by_words_until_workers_come(
    adopt: Any, raw: Any, name: str, opensearch: Service, model: Path
) -> None:
    adopt()
    write(raw, name, {f"d{number}": make_article(number, 1) for number in range(30)})
    told = adopt("--queue")
    assert (told["encoded"], told["pending"]) == (DOCUMENTS - 30, 30)
    truth = Truth(raw, f"{name}-new", model)
    assert sum(sim is None for sim in truth.sims.values()) == 30
    with open_index(f"{opensearch.url}/{name}-new") as index:
        for dense in ("exact", "ann"):
            truth.check(index, dense=dense, k=20)
            hits = truth.check(index, dense=dense)
            assert any(hit.sim is None for hit in hits)
            assert len(truth.check(index, dense=dense, mode="dense")) == DOCUMENTS - 30
    assert adopt()["encoded"] == DOCUMENTS
    truth = Truth(raw, f"{name}-new", model)
    with open_index(f"{opensearch.url}/{name}-new") as index:
        truth.check(index)


def test_unchanged_texts_keep_their_vectors(adopt: Any, raw: Any, name: str) -> None:
    adopt()
    before = read_all(raw, f"{name}-new")
    write(raw, name, {f"d{number}": {**make_article(number), "brand": "other"} for number in range(10)})
    write(raw, name, {"d10": make_article(10, 1), "d11": None})
    told = adopt()
    assert (told["updated"], told["removed"], told["encoded"]) == (11, 1, DOCUMENTS - 1)
    now = read_all(raw, f"{name}-new")
    (field,) = (one for one in now["d0"] if one.startswith("vec_"))
    assert all(now[f"d{number}"][field] == before[f"d{number}"][field] for number in range(10))
    assert now["d10"][field] != before["d10"][field]


def test_a_passage_that_is_still_too_long_counts_its_document_once(adopt: Any, raw: Any, name: str) -> None:
    write(raw, name, {"d0": {"title": "t", "body": " ".join(["a-moon" * 9] * 3 * BLOCK)}})
    assert adopt()["truncated"] == 1


def test_a_template_gives_the_same_scores(
    adopt: Any, raw: Any, name: str, hybrid: Say, opensearch: Service, model: Path
) -> None:
    adopt()
    truth = Truth(raw, f"{name}-new", model)
    template = f"template-{name}"
    said = hybrid("install-template", f"{opensearch.url}/{name}-new", "--name", template)
    try:
        shift = float(said.out.partition("score = _score - ")[2].split()[0])
        for one in (None, *FILTERS):
            params: dict[str, Any] = {"question": QUESTION, "vector": truth.vector.tolist(), "k": 30}
            params |= {} if one is None else {"filter": one}
            body = {"id": template, "params": params}
            hits = raw.search_template(
                index=f"{name}-new", body=body, params={"search_type": "dfs_query_then_fetch"}
            )["hits"]["hits"]
            with open_index(f"{opensearch.url}/{name}-new") as index:
                wanted = index.search(QUESTION, k=30, lam=LAMBDA, filter=one, dense="exact").hits
            found = {hit["_id"]: hit["_score"] - shift for hit in hits}
            assert found == pytest.approx({hit.id: hit.score for hit in wanted}, abs=2e-4)
    finally:
        raw.transport.perform_request("DELETE", f"/_scripts/{template}", params={"ignore": 404})


def test_a_page_gets_whole_documents_and_both_parts_of_their_scores(
    adopt: Any, raw: Any, name: str, opensearch: Service, model: Path, tmp_path: Path
) -> None:
    adopt()
    truth = Truth(raw, f"{name}-new", model)
    body = {
        "query": {"bool": {"must": [{"match": {"body": QUESTION}}], "filter": [FILTERS[0], BOB]}},
        "size": 50,
        "ext": {"hybrid": {"explain": True}},
    }
    with gateway(tmp_path, opensearch.url, "--name", f"{name}={name}-new", ready=True) as served:
        answer = served.search(name, body)
        told = served.ask(
            "POST", "/v1/search", json.dumps({"index": name, "question": QUESTION, "k": 5}).encode(), **JSON
        ).json
    assert answer.notes[0].startswith("on"), answer.notes
    hits = answer.json["hits"]["hits"]
    allowed = {f"d{n}" for n in range(DOCUMENTS) if n % 2 == 0 and n % 3}
    assert {key for key in allowed if truth.bm25[key] > 0} <= {hit["_id"] for hit in hits} <= allowed
    for hit in hits:
        assert hit["_source"] == make_article(int(hit["_id"][1:]))
        assert hit["_hybrid"]["sim"] == pytest.approx(truth.sims[hit["_id"]], abs=1e-4)
        assert hit["_hybrid"]["bm25"] == pytest.approx(truth.bm25[hit["_id"]], abs=1e-4)
        assert hit["_score"] == pytest.approx(hit["_hybrid"]["bm25"] + LAMBDA * hit["_hybrid"]["sim"], abs=2e-4)
        assert "inner_hits" not in hit
    assert [hit["id"] for hit in told["hits"]] == best_of(truth, 5)


def test_what_does_not_go_together_is_said(
    adopt: Any, name: str, hybrid: Say, opensearch: Service, model: Path, tmp_path: Path
) -> None:
    adopt()
    new, other_model = f"{opensearch.url}/{name}-new", save_sentence_transformer(tmp_path / "model", seed=1)
    other = hybrid("adopt", f"{opensearch.url}/{name}", new, "--split", "30")
    assert f"--split {BLOCK}" in one_line(other)
    copied = hybrid("copy", new, str(tmp_path / "folder"))
    assert "a vector for each of their passages" in one_line(copied)
    reencoded = hybrid("reencode", new, "--encoder", other_model, "--scale", "20", "--queue")
    assert "a vector for each of their passages" in one_line(reencoded)
    assert hybrid("adopt", f"{opensearch.url}/{name}", new, "--back").code == 0
    plain = ("--text", "title,body", "--encoder", model, "--scale", "20")
    assert hybrid("adopt", f"{opensearch.url}/{name}", new, *plain).code == 0
    split = hybrid("adopt", f"{opensearch.url}/{name}", new, "--split", "30")
    assert "without --split" in one_line(split)
