"""Given vectors: checked, and brought to the length that the similarity means."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hybrid import Profile
from hybrid.errors import VectorError
from hybrid.passages import Vector
from hybrid.vectors import length, read_passage_vector, read_question_vector
from tests.messages import assert_one_clear_line

DOT = Profile(pair_id="made-up", fingerprint="0123456789abcdef", dimension=4)
COSINE = dataclasses.replace(DOT, similarity="cosine", scale=20.0)
numbers = st.lists(st.floats(-(2.0**60), 2.0**60, width=32), min_size=4, max_size=4)


def read(values: Any, profile: Profile = DOT) -> tuple[Vector, Vector]:
    return read_question_vector(values, profile), read_passage_vector(values, profile, "p1")


@given(numbers)
def test_dot_product_leaves_vectors_as_they_are(values: list[float]) -> None:
    for vector in read(values):
        assert vector.dtype == np.float32
        assert vector.tolist() == values


@given(numbers)
def test_cosine_gives_questions_the_scale_and_passages_one(values: list[float]) -> None:
    assume(np.linalg.norm(values) > 1e-30)
    question, passage = read(values, COSINE)
    assert length(question) == pytest.approx(20.0, rel=1e-6)
    assert length(passage) == pytest.approx(1.0, rel=1e-6)


@given(numbers, numbers)
def test_cosine_gives_scaled_cosines_whatever_the_lengths(left: list[float], right: list[float]) -> None:
    lengths = float(np.linalg.norm(left)), float(np.linalg.norm(right))
    assume(min(lengths) > 1e-3)
    question, passage = read_question_vector(left, COSINE), read_passage_vector(right, COSINE, "p1")
    cosine = float(np.dot(np.array(left) / lengths[0], np.array(right) / lengths[1]))
    assert float(np.dot(question.astype(float), passage.astype(float))) == pytest.approx(20 * cosine, abs=1e-5)


@pytest.mark.parametrize("kind", [list, tuple, np.float64, np.float32, np.float16, np.int64])
def test_any_list_of_numbers_will_do(kind: Any) -> None:
    values = np.array([1, 2, 3, 4])
    question, _ = read(values.astype(kind) if isinstance(kind, type(np.float32)) else kind(values.tolist()))
    assert question.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_callers_vector_is_not_changed() -> None:
    values = np.array([3.0, 0.0, 4.0, 0.0], np.float32)
    read(values, COSINE)
    assert values.tolist() == [3.0, 0.0, 4.0, 0.0]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ([], "has 0 numbers; the index holds vectors of 4"),
        ([1.0] * 3, "has 3 numbers"),
        ([1.0] * 5, "has 5 numbers"),
        ([[1.0] * 4], "has 1×4 numbers"),
        (1.0, "is a single number; the index holds vectors of 4"),
        ([1.0, 2.0, 3.0, float("nan")], "NaN or infinity"),
        ([1.0, 2.0, 3.0, float("inf")], "NaN or infinity"),
        ([1.0, 2.0, 3.0, 1e39], "NaN or infinity"),
        ([1.0, 2.0, 3.0, None], "NaN or infinity|not a list of numbers"),
        ("abcd", "not a list of numbers"),
        (["a", "b", "c", "d"], "not a list of numbers"),
        ([1.0, [2.0], 3.0, 4.0], "not a list of numbers"),
        ({"a": 1}, "not a list of numbers"),
        (object(), "not a list of numbers"),
        ([10**400, 0, 0, 0], "fit into float32"),
    ],
)
def test_bad_vector_is_refused_for_questions_and_passages(values: Any, complaint: str) -> None:
    with pytest.raises(VectorError, match=rf"^The question's vector .*({complaint})") as question:
        read_question_vector(values, DOT)
    with pytest.raises(VectorError, match=rf"^The vector of passage p1 .*({complaint})") as passage:
        read_passage_vector(values, DOT, "p1")
    assert_one_clear_line(question.value)
    assert_one_clear_line(passage.value)


def test_vector_without_a_direction_is_refused_by_cosine_only() -> None:
    assert all(not vector.any() for vector in read([0.0] * 4))
    with pytest.raises(VectorError, match="no direction"):
        read_question_vector([0.0] * 4, COSINE)
    with pytest.raises(VectorError, match="passage p1 is all zeros"):
        read_passage_vector([0.0] * 4, COSINE, "p1")


def test_length_is_summed_in_float64() -> None:
    assert length(np.full(4, 3e38, np.float32)) == pytest.approx(6e38)
