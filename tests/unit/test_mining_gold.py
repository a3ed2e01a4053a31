"""Passages that questions bring are found again: by id, by document, and by text that was cut in another way."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import Passage
from hybrid.engines.contract import Index
from hybrid.errors import HybridError, UsageError
from hybrid.evaluation.questions import Question
from hybrid.evaluation.sources import read_questions
from hybrid.evaluation.texts import Texts
from hybrid.mining import Gold, Plan, Wanted, bring
from hybrid.mining.gold import find_gold
from hybrid.mining.likeness import covered, cut_runs, likeness, share_of_shorter
from hybrid.mining.positives import Found
from tests.conftest import FillFolder

RNG = np.random.default_rng(8)
#: A document of 90 words, as it is in a file and as it was cut for the index.
WORDS = [f"w{number}x" for number in RNG.permutation(400)]
PARAGRAPH = [*WORDS[:20], "ann", "lee", *WORDS[20:48], "and", "Ann", "Lee", "again", *WORDS[48:84]]
BLOCKS = [PARAGRAPH[start : start + 30] for start in (0, 30, 60)]
PASSAGES = [
    *(
        Passage(f"doc#{number}", " ".join(block), title="A doc", document_id="doc", number=number, passages_total=3)
        for number, block in enumerate(BLOCKS)
    ),
    Passage("whole", " ".join(WORDS[100:140]), title="Whole", document_id="whole"),
    Passage("part", " ".join(WORDS[110:120]), title="Part", document_id="part"),
    Passage("prepared", " ".join(WORDS[150:190]).upper().replace(" ", " , "), document_id="prepared"),
    Passage("straddling#0", " ".join(WORDS[200:240]), document_id="straddling", passages_total=2),
    Passage("straddling#1", " ".join(WORDS[240:280]), document_id="straddling", number=1, passages_total=2),
    *(Passage(f"other{number}", " ".join(RNG.choice(WORDS, 40)), document_id=f"o{number}") for number in range(30)),
]


@pytest.fixture(scope="module")
def index(fill_folder: FillFolder) -> Index:
    return fill_folder(PASSAGES)


def find(index: Index, golds: Sequence[Gold], *answers: str, text: str = "what", **plan: Any) -> Found:
    wanted = Wanted(Question("q", text, answers=answers), tuple(golds))
    (found,) = find_gold(index, Texts(index), [wanted], Plan(**plan))
    return found


def ids(found: Found) -> list[str]:
    return [one.id for one in found.positives]


def at(words: Sequence[str], word: str) -> int:
    """Give where a word begins in a text."""
    return len(" ".join([*words[: list(words).index(word)], ""]))


def test_passage_is_found_by_its_id(index: Index) -> None:
    found = find(index, [Gold("whole")], WORDS[101])
    assert ids(found) == ["whole"]
    assert (found.positives[0].title, found.positives[0].text) == ("Whole", PASSAGES[3].text)
    assert ids(find(index, [Gold("doc#1"), Gold("whole"), Gold("whole")])) == ["doc#1", "whole"]


def test_of_a_document_the_block_with_the_answer_counts(index: Index) -> None:
    for number, block in enumerate(BLOCKS):
        assert ids(find(index, [Gold("doc")], " ".join(block[3:5]))) == [f"doc#{number}"]
    # Without answers it is the one that has most of the question's words.
    assert ids(find(index, [Gold("doc")], text=" ".join(BLOCKS[2][:4]))) == ["doc#2"]
    assert find(index, [Gold("doc")], "zzyzx").dropped == "no answer in the passage"


@pytest.mark.parametrize("name", ["", "doc", "elsewhere:7"])
@pytest.mark.parametrize(("word", "block"), [("ann", 0), ("Ann", 1)])
def test_block_around_the_answer_counts_where_several_hold_it(name: str, word: str, block: int, index: Index) -> None:
    gold = Gold(name, "A doc", " ".join(PARAGRAPH), start=at(PARAGRAPH, word))
    assert ids(find(index, [gold], "Ann Lee")) == [f"doc#{block}"]


def test_text_is_found_whatever_it_is_called(index: Index) -> None:
    """The whole passage comes before a part of it, and what was prepared in another way is the same."""
    text = " ".join(WORDS[100:140])
    assert ids(find(index, [Gold("17", "T", text)])) == ["whole"]
    assert ids(find(index, [Gold("part", "T", text)], WORDS[112])) == ["part"]
    assert ids(find(index, [Gold("", "", " ".join(WORDS[150:190]))], WORDS[151])) == ["prepared"]


def test_id_that_now_names_something_else_is_not_believed(index: Index) -> None:
    assert ids(find(index, [Gold("other3", "", " ".join(WORDS[100:140]))])) == ["whole"]


def test_text_that_goes_over_the_edge_of_two_passages(index: Index) -> None:
    words = WORDS[215:265]
    for word, wanted in ((WORDS[220], "straddling#0"), (WORDS[255], "straddling#1")):
        gold = Gold("", "", " ".join(words), start=at(words, word))
        assert ids(find(index, [gold], word)) == [wanted]
        assert find(index, [gold], word, overlap=0.9).dropped == "passage is not in the index"


def test_text_that_is_not_there_is_not_found(index: Index) -> None:
    # Every word of it is somewhere, but no passage has them in this order.
    shuffled = " ".join(RNG.permutation(WORDS[100:140]))
    found = find(index, [Gold("gone", "", shuffled)])
    assert (found.dropped, found.left_out) == (
        "passage is not in the index",
        (("passage is not in the index", "gone"),),
    )
    assert find(index, [Gold("", "", shuffled)]).left_out[0][1] == shuffled[:40]


def test_length_counts(index: Index) -> None:
    assert ids(find(index, [Gold("whole")], words=(40, 40))) == ["whole"]
    for words in ((41, None), (0, 39)):
        assert find(index, [Gold("whole")], words=words).dropped == "passage is too short or too long"
    assert ids(find(index, [Gold("17", "", " ".join(WORDS[100:140]))], words=(0, 20))) == ["part"]


def test_likeness_is_that_of_the_sets() -> None:
    one, other = cut_runs("a b c d e f g"), cut_runs("C d e f g h")
    assert one == {tuple("abcde"), tuple("bcdef"), tuple("cdefg")}
    assert (share_of_shorter(one, other), likeness(one, other)) == (1 / 2, 1 / 4)
    assert (covered(one, other), covered(other, one)) == (1 / 3, 1 / 2)
    assert likeness(cut_runs("a b"), cut_runs("A  b")) == 1.0
    assert share_of_shorter(cut_runs(""), cut_runs("a")) == 0.0


def write_squad(path: Path, **changes: Any) -> Path:
    answer = {"text": "Ann Lee", "answer_start": at(PARAGRAPH, "Ann")}
    qas = [{"id": "q1", "question": "who?", "answers": [answer]}, {"id": "q2", "question": "why?", "answers": []}]
    paragraph = {"context": " ".join(PARAGRAPH), "qas": qas, **changes}
    path.write_text(json.dumps({"data": [{"title": "A_doc", "paragraphs": [paragraph]}]}), "utf-8")
    return path


def test_squad_brings_paragraphs_and_where_the_answer_begins(index: Index, tmp_path: Path) -> None:
    path = write_squad(tmp_path / "dev.json")
    first, second = bring(read_questions(path), path)
    gold = Gold("dev.json:0.0", "A doc", " ".join(PARAGRAPH), at(PARAGRAPH, "Ann"))
    assert (first.golds, second.golds[0].start) == ((gold,), None)
    found = find_gold(index, Texts(index), [first], Plan())
    assert ids(found[0]) == ["doc#1"]


def test_squad_without_contexts_brings_ids(tmp_path: Path) -> None:
    path = write_squad(tmp_path / "dev.json", context=None)
    assert bring(read_questions(path), path)[0].golds[0].text == ""


ROW = {"question": "q", "answers": ["a"], "positive_ctxs": [{"title": "T", "text": "x", "psg_id": 7}, {"text": "y"}]}


@pytest.mark.parametrize("lines", [False, True])
def test_dpr_rows_bring_their_positives(lines: bool, tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    rows = [ROW, {**ROW, "positive_ctxs": []}]
    path.write_text("\n".join(map(json.dumps, rows)) if lines else json.dumps(rows), "utf-8")
    first, second = bring(read_questions(path), path)
    assert first.golds == (Gold("7", "T", "x"), Gold("", "", "y"))
    assert second.golds == ()


def test_rows_without_passages_bring_nothing_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps([{"question": "q", "answers": ["a"]}]), "utf-8")
    assert bring(read_questions(path), path)[0].golds == ()
    silent = {"question": "q", "answers": ["a"]}
    for rows, place in (([ROW, silent], 2), ([silent, ROW], 1), ([silent, silent, ROW], 1)):
        path.write_text(json.dumps(rows), "utf-8")
        with pytest.raises(UsageError, match=f"row {place}: no list named positive_ctxs"):
            bring(read_questions(path), path)


def test_judgements_bring_ids_the_best_first(tmp_path: Path) -> None:
    questions, qrels = tmp_path / "questions.jsonl", tmp_path / "qrels.tsv"
    questions.write_text('{"_id": "1", "text": "what"}\n{"_id": "2", "text": "who"}\n', "utf-8")
    # The same judgement twice counts once.
    qrels.write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n1\tb\t2\n1\ta\t1\n1\tc\t0\n", "utf-8")
    asked = read_questions(questions, qrels=qrels)
    (wanted,) = bring(asked, questions, judged=True)
    assert wanted.golds == (Gold("b"), Gold("a"))
    assert asked.unjudged == ("2",)
    qrels.write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n1\ta\t2\n", "utf-8")
    with pytest.raises(HybridError, match="a has two grades for question 1"):
        read_questions(questions, qrels=qrels)


def test_judgements_of_a_squad_file_count_instead_of_its_paragraphs(tmp_path: Path) -> None:
    path, qrels = write_squad(tmp_path / "dev.json"), tmp_path / "qrels.txt"
    qrels.write_text("q2 0 other 1\n", "utf-8")
    (wanted,) = bring(read_questions(path, qrels=qrels), path, judged=True)
    assert wanted.golds == (Gold("other"),)
