"""A document is cut into disjoint blocks of words that say where they stand."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import UsageError
from hybrid.passages import Passage
from ingest.documents import Document
from ingest.splitter import WORDS, By, split

SPACE = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
TEXTS = st.text(st.one_of(st.sampled_from(SPACE), st.sampled_from("abc"), st.characters(exclude_categories=["Cs"])))
SIZES = st.integers(1, 7)


def make(text: str, document_id: str = "d") -> Document:
    return Document(document_id, "Title", text, {"year": 1999})


def test_passage_of_the_paper_has_100_words() -> None:
    text = " ".join(f"w{number}" for number in range(250))
    passages = split(make(text))
    assert [len(one.text.split()) for one in passages] == [100, 100, 50]
    assert WORDS == 100


def test_passage_says_where_it_stands() -> None:
    assert split(make("  one two\n three ", "doc"), words=2) == [
        equal_to(Passage("doc#0", "one two", "Title", "doc", 0, 2, 2, 9, {"year": 1999})),
        equal_to(Passage("doc#1", "three", "Title", "doc", 1, 2, 11, 16, {"year": 1999})),
    ]


def test_whole_document_is_one_passage_under_its_own_id() -> None:
    assert split(make("  one two\n three ", "doc"), by="document") == [
        equal_to(Passage("doc", "one two\n three", "Title", "doc", 0, 1, 2, 16, {"year": 1999})),
    ]


@given(TEXTS, SIZES)
def test_blocks_hold_all_words_in_order(text: str, words: int) -> None:
    passages = split(make(text), words=words)
    assert [word for one in passages for word in one.text.split()] == text.split()
    lengths = [len(one.text.split()) for one in passages]
    assert all(length == words for length in lengths[:-1])
    assert all(0 < length <= words for length in lengths[-1:])


@given(TEXTS, SIZES, st.sampled_from(["words", "document"]))
def test_offsets_lead_back_into_the_document(text: str, words: int, by: By) -> None:
    passages = split(make(text), words=words, by=by)
    for one in passages:
        assert text[one.start : one.end] == one.text == one.text.strip() != ""
    borders = [border for one in passages for border in (one.start, one.end)]
    assert borders == sorted(borders)
    assert [one.number for one in passages] == list(range(len(passages)))
    assert {one.passages_total for one in passages} <= {len(passages)}


@given(TEXTS, SIZES)
def test_same_document_gives_the_same_passages(text: str, words: int) -> None:
    first, second = (split(make(text), words=words) for _ in range(2))
    assert [fields(one) for one in first] == [fields(one) for one in second]
    assert len({one.id for one in first}) == len(first)


def test_words_end_where_python_says() -> None:
    text = "".join(f"{space}w" for space in SPACE)
    assert len(split(make(text), words=1)) == len(text.split()) == len(SPACE)
    others = "".join(map(chr, range(0xD800))).translate(dict.fromkeys(map(ord, SPACE)))
    assert len(split(make(others), words=1)) == len(others.split()) == 1


@pytest.mark.parametrize("by", ["words", "document"])
def test_document_without_words_has_no_passage(by: By) -> None:
    assert split(make(" \n\u3000 "), by=by) == []


def test_id_is_never_cut() -> None:
    assert split(make("one", "é" * 255))[0].id == "é" * 255 + "#0"
    with pytest.raises(UsageError, match="more than 512 bytes"):
        split(make("one", "é" * 256))
    assert split(make("one", "é" * 256), by="document")[0].id == "é" * 256


def test_passages_need_words() -> None:
    with pytest.raises(UsageError, match="say 1 or more"):
        split(make("one"), words=0)


def fields(passage: Passage) -> dict[str, object]:
    return {name: getattr(passage, name) for name in Passage.__slots__}


class equal_to:  # noqa: N801 - reads as a phrase
    """Compare passages by what they hold; they themselves do not, for the sake of their vectors."""

    def __init__(self, passage: Passage):
        self._fields = fields(passage)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Passage) and fields(other) == self._fields

    def __hash__(self) -> int:
        return hash(self._fields["id"])

    def __repr__(self) -> str:
        return repr(self._fields)
