"""One bad passage costs a few calls of the encoder, and no other passage its vector."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import ModelError
from hybrid.isolate import encode_each
from hybrid.passages import Vector

Pairs = Sequence[tuple[str, str]]


def vector_of(text: str) -> Vector:
    return np.full(2, float(text.removeprefix("nan")) + 1, np.float32)


def encode(pairs: Pairs) -> list[Vector]:
    if any(text.startswith("bad") for _, text in pairs):
        raise ValueError(f"cannot read one of {len(pairs)}")
    return [np.full(2, np.nan, np.float32) if text.startswith("nan") else vector_of(text) for _, text in pairs]


@given(st.lists(st.sampled_from(["", "nan", "bad"]), max_size=40))
def test_each_passage_gets_its_own_vector_or_its_own_reason(kinds: list[str]) -> None:
    given_ = [("", f"{kind}{number}") for number, kind in enumerate(kinds)]
    outcomes = encode_each(encode, given_)
    assert len(outcomes) == len(kinds)
    for number, (kind, outcome) in enumerate(zip(kinds, outcomes, strict=True)):
        if kind == "bad":
            assert outcome == "ValueError: cannot read one of 1"
        elif kind == "nan":
            assert outcome == "the encoder gives NaN or infinity"
        else:
            assert isinstance(outcome, np.ndarray)
            assert outcome.tolist() == [number + 1, number + 1]


def test_one_bad_passage_among_many_is_found_in_few_calls() -> None:
    calls: list[int] = []

    def counting(pairs: Pairs) -> list[Vector]:
        calls.append(len(pairs))
        return encode(pairs)

    outcomes = encode_each(counting, [("", f"{number}" if number != 700 else "bad") for number in range(1024)])
    assert sum(isinstance(one, str) for one in outcomes) == 1
    assert len(calls) == 2 * 10 + 1


def test_infinity_is_no_vector() -> None:
    outcomes = encode_each(lambda pairs: [np.array([np.inf, 0], np.float32) for _ in pairs], [("", "a")])
    assert outcomes == ["the encoder gives NaN or infinity"]


def test_zeros_are_no_vector() -> None:
    outcomes = encode_each(lambda pairs: [np.zeros(2, np.float32) for _ in pairs], [("", "a")])
    assert outcomes == ["the encoder gives zeros, which have no direction"]


def test_reason_is_short() -> None:
    def long_winded(pairs: Pairs) -> list[Vector]:
        raise RuntimeError(pairs[0][1])

    (reason,) = encode_each(long_winded, [("", "x" * 5000)])
    assert isinstance(reason, str)
    assert len(reason) == 300


def test_error_that_concerns_the_whole_batch_is_passed_on() -> None:
    calls: list[Pairs] = []

    def missing(pairs: Pairs) -> list[Vector]:
        calls.append(pairs)
        raise ModelError("no model")

    with pytest.raises(ModelError, match="no model"):
        encode_each(missing, [("", "a"), ("", "b")])
    assert len(calls) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_is_no_reason(error: type[BaseException]) -> None:
    def interrupted(_: Pairs) -> list[Vector]:
        raise error

    with pytest.raises(error):
        encode_each(interrupted, [("", "a"), ("", "b")])


def test_nothing_to_encode_asks_nobody() -> None:
    assert encode_each(lambda _: pytest.fail("was asked"), []) == []
