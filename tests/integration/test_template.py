"""``hybrid install-template``: the template's ranking is that of ``search``, with both parts of every score."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid import IndexSpec, Passage, open_index
from hybrid.settings import Settings
from tests.commands import Say, one_line
from tests.conftest import MakeIndex, small_profile

WORDS = ("moon", "tide", "ocean", "fox", "door", "bread")
QUESTION = 'the "moon" pulls\nthe tide {{k}} \\ é'
COSINE: dict[str, Any] = {"similarity": "cosine", "scale": 20.0}


@pytest.fixture
def stored(raw: Any) -> Iterator[str]:
    """Give a name for a template that is removed afterwards."""
    name = f"template-{secrets.token_hex(6)}"
    yield name
    raw.transport.perform_request("DELETE", f"/_scripts/{name}", params={"ignore": 404})


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give every row the length 1."""
    rows: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return rows


def fill(address: str, rng: np.random.Generator, *, cosine: bool) -> None:
    """Write passages, a tenth of them without a vector."""
    vectors = unit(rng.normal(size=(400, 8))) if cosine else rng.normal(size=(400, 8)) * 3
    texts = [" ".join(rng.choice(WORDS, size=6)) for _ in range(400)]
    passages = [
        Passage(f"p{row:03}", text, title=text[:4], meta={"even": row % 2 == 0}, vector=vectors[row])
        for row, text in enumerate(texts)
    ]
    with open_index(address, settings=Settings()) as index:
        some = [replace(one, vector=None) if row % 10 == 3 else one for row, one in enumerate(passages)]
        index.add(some, refresh=True)


@pytest.mark.parametrize("cosine", [True, False])
@pytest.mark.parametrize("lam", [None, 0.4])
def test_ranking_is_that_of_a_search(
    make_index: MakeIndex,
    raw: Any,
    hybrid: Say,
    stored: str,
    rng: np.random.Generator,
    lam: float | None,
    *,
    cosine: bool,
) -> None:
    address = make_index(small_profile(**(COSINE if cosine else {})), IndexSpec(replicas=0))
    fill(address, rng, cosine=cosine)
    said = hybrid("install-template", address, "--name", stored, *(() if lam is None else ("--lambda", lam)))
    assert said.code == 0, said.err
    vector = rng.normal(size=8)
    vector = 20 * unit(vector[None])[0] if cosine else vector
    weight = 1.1 if lam is None else lam
    for given in (None, {"term": {"meta.even": True}}):
        params: dict[str, Any] = {"question": QUESTION, "vector": vector.tolist(), "k": 50}
        params |= {"filter": given} if given else {}
        with open_index(address, settings=Settings()) as index:
            wanted = index.search(QUESTION, vector=vector, lam=lam, k=50, filter=given, dense="exact").hits
            lift = float(np.linalg.norm(vector)) * index.profile.max_norm * 1.0001
        if cosine:
            shift = float(said.out.partition("score = _score - ")[2].split()[0])
        else:
            params["lift"], shift = lift, 1 + weight * lift
        body = {"id": stored, "params": params}
        hits = raw.search_template(index=address.rpartition("/")[2], body=body)["hits"]["hits"]
        scores = {hit["_id"]: hit["_score"] - shift for hit in hits}
        assert scores == pytest.approx({hit.id: hit.score for hit in wanted}, abs=2e-4)
        sims = {hit["_id"]: (hit["fields"].get("sim") or [None])[0] for hit in hits}
        assert [one.id for one in wanted if one.sim is None] == [name for name in sims if sims[name] is None]
        for one in wanted:
            if one.sim is not None:
                assert scores[one.id] - weight * sims[one.id] == pytest.approx(one.bm25, abs=3e-4)
        assert all(not name.startswith("vec_") for hit in hits for name in hit["_source"])


def test_ten_are_given_unless_more_are_wanted(
    make_index: MakeIndex, raw: Any, hybrid: Say, stored: str, rng: np.random.Generator
) -> None:
    address = make_index(small_profile(**COSINE))
    fill(address, rng, cosine=True)
    assert hybrid("install-template", address, "--name", stored).code == 0
    params = {"question": "moon", "vector": (20 * unit(rng.normal(size=(1, 8)))[0]).tolist()}
    found = raw.search_template(index=address.rpartition("/")[2], body={"id": stored, "params": params})
    assert len(found["hits"]["hits"]) == 10


def test_it_is_printed_as_it_is_stored(make_index: MakeIndex, raw: Any, hybrid: Say, stored: str) -> None:
    address = make_index()
    printed = hybrid("install-template", address, "--print").out.rstrip("\n")
    assert hybrid("install-template", address, "--name", stored).code == 0
    assert raw.get_script(id=stored)["script"]["source"] == printed
    assert "{{lift}}" in printed
    rendered = raw.render_search_template(
        body={"source": printed, "params": {"question": 'a"b', "vector": [0.5] * 8, "lift": 3}}
    )
    assert json.loads(json.dumps(rendered["template_output"]))["size"] == 10


def test_a_lambda_that_cannot_be_is_refused(make_index: MakeIndex, hybrid: Say) -> None:
    assert "lambda" in one_line(hybrid("install-template", make_index(), "--lambda", "0.01"))
    assert "is a folder" in one_line(hybrid("install-template", "./folder"))
