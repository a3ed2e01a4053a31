"""Questions that come with judgements: TREC's topics, and folders of TREC, BEIR and sentences."""

import json
from pathlib import Path

import pytest

from hybrid.errors import HybridError, UsageError
from hybrid.evaluation.questions import Question, QuestionSet
from hybrid.evaluation.sources import read_questions
from tests.question_files import questions, refusal, write

TOPICS = """<top>
<num> Number: 301 <title> International
Organized Crime
<desc> Description:
Identify <narr> Narrative: long
</top>

<TOP><num>2</num><title>
AT&amp;T &para A&B
</title></TOP>
<topics task="x"><topic number="C3" type="f"><query>web</query><description>d</description></topic>
<topic number='4'><description>only this</description></topic></topics>
"""


def test_topics_of_every_age_are_read(tmp_path: Path) -> None:
    assert questions(write(tmp_path, "topics.xml", TOPICS)) == [
        Question("301", "International Organized Crime"),
        Question("2", "AT&T &para A&B"),
        Question("C3", "web"),
        Question("4", "only this"),
    ]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (
            "<top>\n<num>1</num><title>a</title>\n</top>\n<top>\n<title>b</title></top>",
            "line 4: a topic without a number",
        ),
        ("<top><num>1</num></top>", "line 1: topic 1 has neither title, query nor description"),
        ("<top><num>1</num><title>a</title></top>\n\n<top><num>2</num><title>b", "line 3: <top> outside"),
        ("<num>1</num><title>a</title></top>", "line 1: <num> outside"),
    ],
)
def test_malformed_topic_is_an_error_with_file_and_line(content: str, where: str, tmp_path: Path) -> None:
    path = write(tmp_path, "topics", content)
    assert refusal(path).startswith(f"{path}, {where}")


def test_judgements_join_questions_and_tell_what_is_left_out(tmp_path: Path) -> None:
    topics = write(tmp_path, "topics.tsv", "1\tone\n2\ttwo\n3\tthree\n")
    qrels = write(tmp_path, "q", "1 0 d1 2\n1\t0\td 2\t0\n".replace("d 2", "d\u00a02") + "9 0 d1 1\n3  Q0 d1  -1\n")
    found = read_questions(topics, qrels=qrels)
    assert found == QuestionSet(
        "table",
        (Question("1", "one", relevant={"d1": 2, "d\u00a02": 0}), Question("3", "three", relevant={"d1": -1})),
        unjudged=("2",),
        unasked=("9",),
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1 0 d1", "3 columns instead of question, iteration, passage, grade"),
        ("1 0 d1 x", "the grade is no whole number: 'x'"),
        ("1 0 a 0", "a has two grades for question 1: 1, 0"),
    ],
)
def test_malformed_judgement_is_an_error_with_file_and_line(row: str, reason: str, tmp_path: Path) -> None:
    qrels = write(tmp_path, "qrels", f"1 0 a 1\n1 0 a 1\n{row}\n")
    assert refusal(write(tmp_path, "topics.tsv", "1\tone\n"), qrels=qrels).startswith(f"{qrels}, line 3: {reason}")


# Folders


def beir(folder: Path, qrels: str) -> Path:
    rows = [{"_id": str(number), "text": f"q{number}"} for number in range(3)]
    write(folder, "queries.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    write(folder, "qrels/test.tsv", qrels)
    write(folder, "qrels/dev.tsv", "query-id\tcorpus-id\tscore\n2\tz\t1\n")
    return folder


def test_beir_keeps_the_questions_that_are_judged(tmp_path: Path) -> None:
    found = read_questions(beir(tmp_path, "query-id\tcorpus-id\tscore\n0\ta b\t1\n0\tc\t2\n9\ta\t1\n"))
    assert found == QuestionSet(
        "beir", (Question("0", "q0", relevant={"a b": 1, "c": 2}),), unjudged=("1", "2"), unasked=("9",)
    )


def test_beir_split_is_chosen_by_name_and_may_lack_its_heading(tmp_path: Path) -> None:
    folder = beir(tmp_path, "1\tx\t1\n")
    assert [one.id for one in questions(folder)] == ["1"]
    assert [one.id for one in questions(folder, split="dev")] == ["2"]
    with pytest.raises(UsageError, match=r"splits in this folder: dev, test"):
        questions(folder, split="train")


def test_beir_judgement_without_a_grade_is_an_error(tmp_path: Path) -> None:
    folder = beir(tmp_path, "query-id\tcorpus-id\tscore\n0\ta\n")
    with pytest.raises(HybridError, match=r"test.tsv, line 2: 2 columns instead of query-id, corpus-id, score"):
        questions(folder)


def test_trec_folder_holds_topics_and_judgements(tmp_path: Path) -> None:
    write(tmp_path, "query-text.trec", "<top><num>1</num><title>a</title></top>")
    write(tmp_path, "doc-text.trec", "<DOC><DOCNO>d</DOCNO>x</DOC>")
    write(tmp_path, "qrels", "1 0 d 1\n")
    assert questions(tmp_path) == [Question("1", "a", relevant={"d": 1})]
    write(tmp_path, "qrels.more", "1 0 d 1\n")
    with pytest.raises(UsageError, match="1 files of topics and 2 of judgements"):
        questions(tmp_path)


def test_sentence_on_several_lines_is_right_on_each(tmp_path: Path) -> None:
    write(tmp_path, "passages.txt", "same\nother\nsame\n")
    write(tmp_path, "questions.txt", "q0\nq1\nq2\n")
    found = read_questions(tmp_path)
    both, other = {"passages.txt:1": 1, "passages.txt:3": 1}, {"passages.txt:2": 1}
    assert found.format == "squad-sentences"
    assert [one.relevant for one in found.questions] == [both, other, both]


@pytest.mark.parametrize("lines", ["q0\n", "q0\n\nq1\n"])
def test_sentences_and_questions_that_do_not_pair_are_an_error(lines: str, tmp_path: Path) -> None:
    write(tmp_path, "passages.txt", "a\nb\n")
    with pytest.raises(HybridError, match="questions on other lines than 2 passages"):
        questions(write(tmp_path, "questions.txt", lines).parent)
