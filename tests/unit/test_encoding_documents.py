"""From documents to what their vector field holds: whole, or passage by passage."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid import Profile
from hybrid.engines.opensearch.encoding import Encoded, Pair, cut, encode_documents
from hybrid.errors import VectorError

WHOLE = Profile(pair_id="made-up", fingerprint="0123456789abcdef", dimension=2)
SPLIT = dataclasses.replace(WHOLE, text_fields=("body",), split_words=3)
LONG = "one two\n three  four five six seven "


def encode(pairs: Sequence[Pair]) -> list[NDArray[np.float32] | str]:
    """Give a vector that tells the words and the characters of a text; of a bad one, why there is none."""
    return [
        "it is bad" if "bad" in text else np.array([len(text.split()), len(title)], np.float32)
        for title, text in pairs
    ]


def test_a_document_is_cut_at_its_words_and_each_passage_has_the_title() -> None:
    assert cut(SPLIT, ("t", LONG)) == [("t", "one two\n three"), ("t", "four five six"), ("t", "seven")]
    assert cut(WHOLE, ("t", LONG)) == [("t", LONG)]


@pytest.mark.parametrize("text", ["", " \n "])
def test_a_document_without_a_word_is_one_passage(text: str) -> None:
    """So that its title counts."""
    assert cut(SPLIT, ("title", text)) == [("title", text)]


def test_vectors_of_many_documents_are_not_mixed_up() -> None:
    documents = [("a", ("t", LONG)), ("b", ("two", "w")), ("c", ("", "five words are just enough"))]
    a, b, c = encode_documents(SPLIT, documents, encode)
    assert all(isinstance(one, Encoded) for one in (a, b, c))
    values = [[one["vector"].tolist() for one in found.value] for found in (a, b, c)]  # type: ignore[union-attr]
    assert values == [[[3, 1], [3, 1], [1, 1]], [[1, 3]], [[3, 0], [2, 0]]]
    assert [one.norm for one in (a, b, c)] == pytest.approx([10**0.5, 10**0.5, 3.0])  # type: ignore[union-attr]
    whole = encode_documents(WHOLE, documents, encode)
    assert [one.value.tolist() for one in whole] == [[7, 1], [1, 3], [5, 0]]  # type: ignore[union-attr]


def test_one_bad_passage_spoils_its_document_and_no_other() -> None:
    documents = [("a", ("", "fine")), ("b", ("", "these are fine this is bad")), ("c", ("", "fine"))]
    a, b, c = encode_documents(SPLIT, documents, encode)
    assert (isinstance(a, Encoded), b, isinstance(c, Encoded)) == (True, "it is bad", True)


def test_a_vector_of_another_size_is_told_by_its_document() -> None:
    with pytest.raises(VectorError, match="passage b"):
        encode_documents(SPLIT, [("b", ("", "x"))], lambda pairs: [np.ones(3, np.float32) for _ in pairs])
