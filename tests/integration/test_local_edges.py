"""At the limits of text, ids and numbers a folder takes and refuses what a cluster does, and ranks it alike."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import IndexSpec, Passage, create_index, open_index
from hybrid.engines.contract import Index
from hybrid.passages import Mode
from hybrid.records import BulkReport
from hybrid.settings import Settings
from tests.conftest import MakeIndex, small_profile
from tests.exactness import write_settled
from tests.integration.test_edge_text import ANALYZERS, QUESTIONS, STRANGE_IDS, TEXTS
from tests.local_parity import Tally, are_alike

VECTOR = np.linspace(-1, 1, 8, dtype=np.float32)
MODES: list[Mode] = ["hybrid", "lexical", "dense"]
GOOD = Passage("good", "fox dog", title="one", meta={"part": 1}, vector=VECTOR)
#: What may be wrong with a passage, or strange and yet right.
STRANGE: dict[str, dict[str, Any]] = {
    "no id": {"id": ""},
    "id of 512 bytes": {"id": "é" * 256},
    "id of 513 bytes": {"id": "é" * 256 + "x"},
    "id that is a number": {"id": 5},
    "half a character in the id": {"id": "\ud800"},
    "half a character in the text": {"text": "fox \udfff"},
    "half a character in the title": {"title": "\ud800"},
    "half a character in the document's id": {"document_id": "\ud800"},
    "half a character in the metadata": {"meta": {"a": "\ud800"}},
    "half a character in a metadata field": {"meta": {"\ud800": 1}},
    "NUL everywhere": {"id": "a\0b", "text": "fox\0dog", "title": "\0", "document_id": "\0"},
    "no text": {"text": ""},
    "no text and no title": {"text": "", "title": ""},
    "text of one word a million times": {"text": "fox " * 1_000_000},
    "text of one long word": {"text": "f" * 100_000},
    "stop words only": {"text": "the of and to", "title": "is"},
    "number beyond 32 bits": {"number": 2**31},
    "number of 32 bits": {"number": 2**31 - 1, "passages_total": 2**31 - 1},
    "negative numbers": {"number": -1, "passages_total": 0},
    "start beyond 32 bits": {"start": 2**31},
    "end beyond 64 bits": {"end": 2**64},
    "total beyond 64 bits": {"passages_total": 2**70},
    "numbers of numpy": {name: np.int64(3) for name in ("number", "passages_total", "start", "end")},
    "number with a fraction": {"number": 2.5},
    "number as text": {"start": "3"},
    "no number": {"end": None},
    "title that is none": {"title": None},
    "text that is a number": {"text": 5},
    "document's id that is a number": {"document_id": 5},
    "no metadata at all": {"meta": None},
    "metadata without end": {"meta": {"a": float("inf")}},
    "metadata that is a set": {"meta": {"a": {1, 2}}},
    "metadata with numbers for names": {"meta": {1: 2}},
    "metadata of many kinds": {"meta": {"a": [1, 2.5, None], "b": None, "c": {}, "d": [], "e": True}},
    "no vector": {"vector": None},
    "vector of whole numbers": {"vector": [1, 0, 0, 0, 0, 0, 0, -1]},
    "vector of zeros": {"vector": [0.0] * 8},
    "tiny vector": {"vector": [1e-30] * 8},
}


@dataclass(frozen=True, slots=True)
class Both:
    """A folder and an index of the same layout on a cluster."""

    local: Index
    cluster: Index

    def add(self, passages: list[Passage]) -> tuple[BulkReport, BulkReport]:
        """Write the same to both."""
        return self.local.add(passages), self.cluster.add(passages, refresh=True)

    def compare(self, question: str, tally: Tally, **options: Any) -> None:
        """Fail unless both give the same answer."""
        given = {"vector": VECTOR, "k": 1000, "dense": "exact", **options}
        here, there = self.local.search(question, **given), self.cluster.search(question, **given)
        assert here.question_cut == there.question_cut, question[:50]
        assert are_alike(here.hits, there.hits), question[:50]
        tally.compare(here.hits, there.hits, question[:50])
        others = {hit.id: hit for hit in there.hits}
        for hit in here.hits:
            other = others.get(hit.id, hit)
            assert (hit.title, hit.text, hit.meta) == (other.title, other.text, other.meta)

    def close(self) -> None:
        """Let go of both."""
        self.local.close()
        self.cluster.close()


@dataclass(slots=True)
class Maker:
    """Makes pairs of indexes and closes them in the end."""

    make_index: MakeIndex
    folder: Path
    made: list[Both]

    def __call__(self, passages: list[Passage], **profile: Any) -> Both:
        """Give both indexes of some passages, settled."""
        chosen = small_profile(**profile)
        address = self.make_index(chosen, IndexSpec(replicas=0))
        write_settled(address, passages)
        folder = str(self.folder / str(len(self.made)))
        create_index(folder, chosen)
        both = Both(open_index(folder), open_index(address, settings=Settings()))
        both.local.add(passages)
        self.made.append(both)
        return both


@pytest.fixture(scope="module")
def make(make_index: MakeIndex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    maker = Maker(make_index, tmp_path_factory.mktemp("edges"), [])
    yield maker
    for both in maker.made:
        both.close()


@pytest.fixture(scope="module")
def words(make: Maker) -> Both:
    """Give 500 passages of one word each, w0 to w499."""
    return make([Passage(f"p{number}", f"w{number}", title=f"t{number}", vector=VECTOR) for number in range(500)])


@pytest.mark.parametrize("name", STRANGE)
def test_strange_passage_is_taken_or_refused_alike(name: str, make: Maker) -> None:
    strange = replace(replace(GOOD, id="strange"), **STRANGE[name])
    both = make([GOOD])
    here, there = both.add([strange])
    assert replace(here, failures=()) == replace(there, failures=())
    assert [(one.id, one.status) for one in here.failures] == [(one.id, one.status) for one in there.failures]
    for failure in here.failures:
        assert failure.reason.splitlines() == [failure.reason]
    assert both.local.status().passages == both.cluster.status().passages
    for mode in MODES:
        for question in ("fox", "dog one", "f" * 255, "the"):
            both.compare(question, Tally(), mode=mode)
    (ours, *_), (theirs, *_) = list(both.local.scan()), list(both.cluster.scan())
    assert [one.id for one in ours] == [one.id for one in theirs]
    for left, right in zip(ours, theirs, strict=True):
        assert (left.text, left.title, left.document_id, left.number) == (
            right.text,
            right.title,
            right.document_id,
            right.number,
        )
        assert (left.start, left.end, left.passages_total) == (right.start, right.end, right.passages_total)
        assert left.meta == right.meta
    ids = [strange.id, "good", "never there"]
    deleted, also = both.local.delete(ids), both.cluster.delete(ids, refresh=True)
    assert (deleted.deleted, deleted.missing) == (also.deleted, also.missing)
    assert [one.id for one in deleted.failures] == [one.id for one in also.failures]


@pytest.mark.parametrize("terms", [0, 1, 399, 400, 401, 450, 50_000])
def test_question_is_cut_at_the_same_term(terms: int, words: Both) -> None:
    question = " ".join(f"w{number}" for number in range(terms))
    for mode in MODES:
        words.compare(question, Tally(), mode=mode)


@pytest.mark.parametrize("filler", ["😀 ", "日", "𠜎", "שלום ", "e\u0301a\u0301 ", "the ", "a.b ", "x" * 300 + " "])
def test_question_of_any_script_is_cut_at_the_same_place(filler: str, words: Both) -> None:
    for times in (398, 399, 400, 12_000):
        for mode in MODES:
            words.compare(filler * times + " w1 w2", Tally(), mode=mode)


def test_questions_without_a_word_find_what_they_find(words: Both) -> None:
    for question in ("", " ", "\0", "?!", "the of", "zzyzx", "\u202e" * 12_000, "a" * 100_000, "😀" * 50_000):
        for mode in MODES:
            words.compare(question, Tally(), mode=mode)


@pytest.mark.parametrize("k", [1, 2, 7, 499, 500, 501, 10_000])
def test_as_many_are_found_as_there_are(k: int, words: Both) -> None:
    for mode in MODES:
        words.compare("w1 w2 w3", Tally(), mode=mode, k=k)
        # All vectors are equal: which of them ten are is left to the engine.
        words.compare("w1 w2 w3", Tally(), mode="lexical", k=k, depth=10)


@pytest.mark.parametrize("analyzer", ANALYZERS)
def test_every_script_is_ranked_alike(analyzer: str, make: Maker) -> None:
    rng = np.random.default_rng(1)
    passages = [
        Passage(f"p{number}", text, title=TEXTS[(number + 5) % len(TEXTS)], vector=rng.normal(size=8))
        for number, text in enumerate(TEXTS)
    ]
    both, tally = make(passages, analyzer=analyzer), Tally()
    for question in (*QUESTIONS, *TEXTS):
        for mode in MODES:
            both.compare(question, tally, mode=mode)
    assert tally.hits > 3 * len(QUESTIONS)
    assert tally.swaps == 0


def test_ids_of_any_shape_are_ordered_alike(make: Maker) -> None:
    ids = [*STRANGE_IDS, "a", "A", "ä", "a\u0308", "z", "\uff5e", "😀", "ﬁ", "fi"]
    both, tally = make([Passage(name, "fox", vector=VECTOR) for name in ids]), Tally()
    for mode in MODES:
        for k in (1, 5, 100):
            both.compare("fox", tally, mode=mode, k=k)
    assert tally.swaps == 0
    assert both.local.delete(ids) == both.cluster.delete(ids)


def test_empty_index_answers_alike(make: Maker) -> None:
    both = make([])
    for mode in MODES:
        for question in ("", "fox"):
            both.compare(question, Tally(), mode=mode)
    assert both.local.status() == both.cluster.status()
    assert list(both.local.scan()) in ([], [[]])


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_vectors_of_any_length_are_ranked_alike(similarity: str, make: Maker) -> None:
    rng = np.random.default_rng(2)
    lengths = 10.0 ** rng.integers(-3, 3, size=60)
    passages = [
        Passage(f"p{row}", f"fox {row}", vector=length * rng.normal(size=8)) for row, length in enumerate(lengths)
    ]
    both, tally = make(passages, similarity=similarity, scale=20.0 if similarity == "cosine" else 1.0), Tally()
    for row in range(10):
        for mode in MODES:
            for lam in (0.0, 0.3, 1.1, 5.0):
                both.compare(f"fox {row}", tally, mode=mode, lam=lam, vector=rng.normal(size=8) * 0.1)
    assert both.local.profile.max_norm == pytest.approx(both.cluster.profile.max_norm)
