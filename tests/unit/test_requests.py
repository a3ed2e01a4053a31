"""A question is checked once: each bad argument has its error, what is left out comes from the profile."""

from typing import Any

import numpy as np
import pytest

from hybrid import Profile
from hybrid.errors import EncoderMismatchError, FilterError, HybridError, UsageError, VectorError
from hybrid.requests import MAX_DEPTH, make_request
from tests.messages import assert_one_clear_line

PROFILE = Profile(pair_id="made-up", fingerprint="0123456789abcdef", dimension=4, lam=0.7, depth=50)
VECTOR = [1.0, 2.0, 3.0, 4.0]
TERM = {"term": {"meta.lang": "en"}}


def test_what_is_left_out_comes_from_the_profile() -> None:
    request = make_request("who?", PROFILE, vector=VECTOR)
    assert (request.lam, request.depth) == (0.7, 50)
    assert (request.k, request.mode, request.dense, request.idf, request.text) == (
        10,
        "hybrid",
        None,
        "global",
        True,
    )
    assert request.filters == ()


def test_what_is_said_goes_before_the_profile() -> None:
    request = make_request("who?", PROFILE, vector=VECTOR, lam=0.0, depth=1, k=1)
    assert (request.lam, request.depth, request.k) == (0.0, 1, 1)


def test_numbers_of_numpy_are_numbers() -> None:
    numbers: Any = {"lam": np.float32(0.5), "depth": np.int64(7), "k": np.int32(3)}
    request = make_request("who?", PROFILE, vector=VECTOR, **numbers)
    assert (request.lam, request.depth, request.k) == (0.5, 7, 3)
    assert [type(one) for one in (request.lam, request.depth, request.k)] == [float, int, int]


def test_lexical_mode_needs_no_vector() -> None:
    request = make_request("who?", PROFILE, mode="lexical")
    assert request.vector is None
    assert request.vector_norm == 0.0


def test_vector_is_read_as_float32_and_its_length_is_known() -> None:
    request = make_request("who?", PROFILE, vector=VECTOR)
    assert request.vector is not None
    assert request.vector.dtype == np.float32
    assert request.vector_norm == pytest.approx(np.sqrt(30))


@pytest.mark.parametrize("question", ["", "who?", "x" * 20_000])
def test_question_of_any_length_is_kept_whole(question: str) -> None:
    assert make_request(question, PROFILE, mode="lexical").question == question


@pytest.mark.parametrize(
    ("bad", "error", "complaint"),
    [
        ({"mode": "semantic"}, UsageError, "mode is 'semantic'; say hybrid or lexical or dense"),
        ({"dense": "flat"}, UsageError, "dense is 'flat'; say ann or exact"),
        ({"idf": "local"}, UsageError, "idf is 'local'; say global or shard"),
        ({"k": 0}, UsageError, "k is 0"),
        ({"k": -3}, UsageError, "k is -3"),
        ({"k": "3"}, UsageError, "k is '3'; say a whole number"),
        ({"k": 2.0}, UsageError, "k is 2.0; say a whole number"),
        ({"question": None}, UsageError, "The question is None; give a string"),
        ({"depth": 0}, UsageError, "depth is 0"),
        ({"depth": MAX_DEPTH + 1}, UsageError, f"depth is {MAX_DEPTH + 1}; say a whole number from 1 to {MAX_DEPTH}"),
        ({"depth": 2.5}, UsageError, "depth is 2.5; say a whole number"),
        ({"depth": 5.0}, UsageError, "depth is 5.0; say a whole number"),
        ({"depth": "5"}, UsageError, "depth is '5'; say a whole number"),
        ({"lam": -0.1}, UsageError, "lambda is -0.1"),
        ({"lam": float("nan")}, UsageError, "lambda is nan"),
        ({"lam": float("inf")}, UsageError, "lambda is inf"),
        ({"lam": "1"}, UsageError, "lambda is '1'; say a finite number"),
        ({"lam": 10**400}, UsageError, "say a finite number"),
        ({"lam": 1j}, UsageError, "lambda is 1j; say a finite number"),
        ({"vector": None}, VectorError, "mode hybrid needs the question's vector"),
        ({"vector": None, "mode": "dense"}, VectorError, "mode dense needs the question's vector"),
        ({"vector": [1.0]}, VectorError, "has 1 numbers; the index holds vectors of 4"),
        ({"vector": [1.0, 2.0, 3.0, float("nan")]}, VectorError, "NaN"),
        ({"vector": [1.0], "mode": "lexical"}, VectorError, "has 1 numbers"),
        ({"pair_id": "other"}, EncoderMismatchError, "encoder other, the index holds vectors of made-up"),
        ({"filter": {}}, FilterError, "not an OpenSearch query clause"),
        ({"filter": {"term": {}, "range": {}}}, FilterError, "not an OpenSearch query clause"),
        ({"filter": [TERM, "lang:en"]}, FilterError, "not an OpenSearch query clause"),
        ({"filter": "lang:en"}, FilterError, "not an OpenSearch query clause"),
        ({"filter": [[TERM]]}, FilterError, "not an OpenSearch query clause"),
        ({"filter": 5}, FilterError, "not an OpenSearch query clause"),
        ({"filter": True}, FilterError, "not an OpenSearch query clause"),
    ],
)  # fmt: skip
def test_bad_argument_has_its_error(bad: dict[str, Any], error: type[HybridError], complaint: str) -> None:
    with pytest.raises(error, match=complaint) as raised:
        make_request(**{"question": "who?", "profile": PROFILE, "vector": VECTOR, **bad})
    assert type(raised.value) is error
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize("given", [TERM, [TERM], (TERM,)])
def test_one_clause_or_a_list_of_them_is_a_filter(given: Any) -> None:
    assert make_request("who?", PROFILE, vector=VECTOR, filter=given).filters == (TERM,)


@pytest.mark.parametrize("given", [None, [], ()])
def test_no_clause_is_no_filter(given: Any) -> None:
    assert make_request("who?", PROFILE, vector=VECTOR, filter=given).filters == ()


def test_own_encoder_is_welcome() -> None:
    assert make_request("who?", PROFILE, vector=VECTOR, pair_id="made-up").vector is not None
