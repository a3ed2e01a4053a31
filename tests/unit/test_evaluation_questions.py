"""Every format of questions gives what stands in it, and says where it is broken."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import HybridError, UsageError
from hybrid.evaluation.formats.files import read_lines
from hybrid.evaluation.questions import Question, QuestionSet
from hybrid.evaluation.sources import FORMATS, read_questions
from ingest.documents import Document
from ingest.sources import read_sources
from tests import corpora


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def questions(path: Path, **options: Any) -> list[Question]:
    return list(read_questions(path, **options).questions)


# DPR's tables


def test_dpr_table_gives_questions_and_answers(tmp_path: Path) -> None:
    table = 'who sang x\t[\'Ann Lee\', "O\'Neil"]\r\n\n"""quoted"" one"\t"[""Él""]"\nnone\t[]\n'
    found = read_questions(write(tmp_path, "nq-test.qa.csv", table))
    assert found == QuestionSet(
        "dpr",
        (
            Question("0", "who sang x", ("Ann Lee", "O'Neil")),
            Question("1", '"quoted" one', ("Él",)),
            Question("2", "none", ()),
        ),
    )


def test_answers_are_read_as_a_literal_and_never_evaluated(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = write(tmp_path, "a.csv", f"q\t[open({str(mark)!r}, 'w')]\n")
    with pytest.raises(HybridError, match=r"line 1: the answers are no Python list"):
        questions(path, format="dpr")
    assert not mark.exists()


def test_backslashes_of_patterns_are_kept_without_a_warning(tmp_path: Path) -> None:
    (one,) = questions(write(tmp_path, "trec.csv", "q\t['\\d+ Sept\\.?']\n"), patterns=True)
    assert one == Question("0", "q", (r"\d+ Sept\.?",), answers_are_patterns=True)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("only a question", "one column instead of a question and a list of answers"),
        ("a\tb\t['c']", "3 columns"),
        ("q\t['a', 1]", "the answers are no list of texts"),
        ("q\t'a'", "the answers are no list of texts"),
        ("q\t['a'", "the answers are no Python list"),
        ("q\t" + "(" * 5000, "the answers are no Python list"),
        ("\"open\t['a']", "a quotation mark opens a column and is not closed"),
        ("q\t\"['a']", "a quotation mark opens a column and is not closed"),
    ],
)
def test_malformed_dpr_row_is_an_error_with_file_and_line(row: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", f"fine\t['x']\n\n{row}\nfine\t['x']\n")
    with pytest.raises(HybridError) as caught:
        questions(path)
    assert str(caught.value).startswith(f"{path}, line 3: {reason}")


# JSON lines


@pytest.mark.parametrize(
    ("row", "question"),
    [
        ({"question": "q", "answer": ["a", "b", "a"]}, Question("0", "q", ("a", "b"))),
        ({"question": "q", "answers": [], "id": 7}, Question("7", "q")),
        ({"question": "q", "answer": "a"}, Question("0", "q", ("a",))),
        ({"id": "k", "input": "q", "output": [{"answer": "a"}, {"provenance": []}]}, Question("k", "q", ("a",))),
        ({"_id": "b", "text": " q \u2028 r", "metadata": {}}, Question("b", "q \u2028 r")),
    ],
)
def test_json_line_becomes_a_question(row: dict[str, Any], question: Question, tmp_path: Path) -> None:
    assert questions(write(tmp_path, "a.jsonl", json.dumps(row, ensure_ascii=False) + "\n")) == [question]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("[1]", "not a JSON object"),
        ('{"question": "q"', "not JSON: unexpected end of data at column 17"),
        ('{"answer": ["a"]}', "no text named question, input or text"),
        ('{"question": 5}', "no text named question, input or text"),
        ('{"question": "q", "answer": {"a": 1}}', "the answers are no list of texts"),
        ('{"question": "q", "answers": [null]}', "the answers are no list of texts"),
        ('{"question": "q", "id": true}', "the id is neither text nor a whole number"),
    ],
)
def test_malformed_json_line_is_an_error_with_file_and_line(row: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", f'{{"question": "fine"}}\n{row}\n')
    with pytest.raises(HybridError) as caught:
        questions(path)
    assert str(caught.value).startswith(f"{path}, line 2: {reason}")


def test_json_list_is_read_as_its_rows_would_be(tmp_path: Path) -> None:
    rows = [
        {"dataset": "nq", "question": " who ", "answers": ["Ann"], "positive_ctxs": [], "hard_negative_ctxs": []},
        {"id": 7, "question": "when", "answers": ["1", "2"], "ctxs": [{"id": "wiki:1", "score": "80.1"}]},
    ]
    path = write(tmp_path, "biencoder.json", json.dumps(rows, indent=1))
    lines = write(tmp_path, "biencoder.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    assert questions(path) == questions(lines) == [Question("0", "who", ("Ann",)), Question("7", "when", ("1", "2"))]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[{"question": "q"}, 5]', "row 1: not a JSON object"),
        ('[{"answers": []}]', "row 0: no text named question"),
        ('[{"question": "q", "answers": 5}]', "row 0: the answers are no list"),
        ('[\n{"question": "q"},\n}', "line 3: not JSON"),
        ("{}", "the file: not a JSON list"),
    ],
)
def test_malformed_json_list_is_an_error_with_its_row(content: str, reason: str, tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", content)
    with pytest.raises(HybridError) as caught:
        questions(path, format="json")
    assert str(caught.value).startswith(f"{path}, {reason}")


# SQuAD


def squad(*qas: Any) -> str:
    return json.dumps({"version": "2", "data": [{"paragraphs": []}, {"paragraphs": [{"context": "c", "qas": qas}]}]})


def test_squad_question_comes_with_answers_and_its_paragraph(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "dev.json",
        squad(
            {"question": " q ", "id": "a1", "answers": [{"text": "x"}, {"text": "y"}, {"text": "x"}]},
            {"question": "r", "is_impossible": True, "answers": [], "plausible_answers": [{"text": "no"}]},
        ),
    )
    paragraph = {"dev.json:1.0": 1}
    assert questions(path) == [
        Question("a1", "q", ("x", "y"), relevant=paragraph),
        Question("dev.json:1.0.1", "r", relevant=paragraph),
    ]


def test_squad_paragraphs_are_named_as_ingestion_names_them(tmp_path: Path) -> None:
    path = write(tmp_path, "dev.json", squad({"question": "q", "answers": []}))
    (named,) = [row.content for row in read_sources([str(path)])]
    assert isinstance(named, Document)
    assert list(questions(path)[0].relevant) == [named.id]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (squad({"answers": []}), "data[1].paragraphs[0].qas[0]: no text named question"),
        (squad({"question": "q", "answers": [{}]}), "data[1].paragraphs[0].qas[0]: an answer without a text"),
        (squad({"question": "q", "answers": "a"}), "data[1].paragraphs[0].qas[0]: the answers are no list"),
        (squad(5), "data[1].paragraphs[0].qas[0]: no text"),
        ('{"data": [{}]}', "data[0]: no list named paragraphs"),
        ('{"data": [{"paragraphs": [{}]}]}', "data[0].paragraphs[0]: no list named qas"),
        ('{\n"data": [\n}', "line 3: not JSON"),
    ],
)
def test_malformed_squad_is_an_error_with_its_place(content: str, where: str, tmp_path: Path) -> None:
    path = write(tmp_path, "dev.json", content)
    with pytest.raises(HybridError) as caught:
        questions(path)
    assert str(caught.value).startswith(f"{path}, {where}")


# TREC


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
    with pytest.raises(HybridError) as caught:
        questions(path)
    assert str(caught.value).startswith(f"{path}, {where}")


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
    with pytest.raises(HybridError) as caught:
        questions(write(tmp_path, "topics.tsv", "1\tone\n"), qrels=qrels)
    assert str(caught.value).startswith(f"{qrels}, line 3: {reason}")


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


# Whatever it is


def test_plain_list_is_a_question_a_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "\ufeffone?\u2028still one\r\n\n two? \n")
    assert questions(path) == [Question("0", "one?\u2028still one"), Question("1", "two?")]


def test_lines_end_as_they_do_on_any_system(tmp_path: Path) -> None:
    path = write(tmp_path, "a", b"\xef\xbb\xbfone\r\n \r\n\ntwo\x0b\xc2\x85\nthree")
    assert list(read_lines(path)) == [(1, "one"), (4, "two\x0b\x85"), (5, "three")]


def test_plain_list_with_a_tab_in_it_is_no_plain_list(tmp_path: Path) -> None:
    with pytest.raises(HybridError, match=r"line 2: a tab in a plain list of questions"):
        questions(write(tmp_path, "a.txt", "who?  ['x']\nwho?\t['y']\n"))


def test_packed_file_is_unpacked_and_a_damaged_one_is_an_error(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"question": "q"}\n')
    assert questions(write(tmp_path, "a.jsonl.gz", packed)) == [Question("0", "q")]
    for damaged in (packed[:-6], b"plain", packed[:12] + b"\xff" + packed[13:]):
        with pytest.raises(HybridError, match="cannot be unpacked"):
            questions(write(tmp_path, "b.jsonl.gz", damaged))


@pytest.mark.parametrize(("name", "format_"), [("a.txt", "lines"), ("t.xml", "trec"), ("a.jsonl", "jsonl")])
def test_bytes_that_are_not_utf8_are_an_error_with_their_line(name: str, format_: str, tmp_path: Path) -> None:
    path = write(tmp_path, name, b"ok\nb\xffd\n" if format_ == "lines" else b'{"question": "q"}\n"\xff"\n')
    with pytest.raises(HybridError, match=r"line 2: not (UTF-8|JSON)"):
        questions(path, format=format_)


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        ("q\t['a']\n", "dpr"),
        ('q\t"[""a""]"\n', "dpr"),
        ("1\twhat is a [thing]\n", "table"),
        ("what is [it]\n", "lines"),
        ('{"question": "q"}\n', "jsonl"),
        ('[{"question": "q"}]', "json"),
        ("\n[\n]", "json"),
        ('{"data": []}', "squad"),
        ('{\n "version": 1,\n "data": [ ]}', "squad"),
        ("\n<top><num>1</num><title>a</title></top>", "trec"),
    ],
)
def test_format_is_told_by_what_stands_in_the_file(content: str, format_: str, tmp_path: Path) -> None:
    assert read_questions(write(tmp_path, "file", content)).format == format_


def test_named_format_wins_over_what_the_file_looks_like(tmp_path: Path) -> None:
    path = write(tmp_path, "a", "{not json}\n")
    assert questions(path, format="lines") == [Question("0", "{not json}")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "xml"}, f"'xml' is no format of questions; say one of {', '.join(FORMATS)}"),
        ({"format": "beir"}, "is a file, and beir is a format of folders"),
        ({"split": "dev"}, "has no splits"),
    ],
)
def test_option_that_does_not_fit_is_refused(options: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        questions(write(tmp_path, "a.txt", "q\n"), **options)


def test_path_that_is_not_usable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        questions(tmp_path / "missing")
    with pytest.raises(UsageError, match="nothing in it is called qrels"):
        questions(tmp_path)
    with pytest.raises(UsageError, match="brings its own judgements"):
        questions(tmp_path, qrels="q")
    for format_ in ("dpr", "squad"):
        with pytest.raises(UsageError, match="is a format of files"):
            questions(tmp_path, format=format_)


@given(
    rows=st.lists(
        st.tuples(
            st.text(st.sampled_from("aé語\"' \u2028"), min_size=1).map(lambda text: f"w{text}w"),
            st.lists(st.text(st.sampled_from("aé\"'\t\n\\,[]")), max_size=3, unique=True),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_python_writes_as_a_dpr_table_comes_back(
    rows: list[tuple[str, list[str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    quoted = [
        "\t".join('"' + column.replace('"', '""') + '"' for column in (question, repr(answers)))
        for question, answers in rows
    ]
    path = write(tmp_path_factory.mktemp("dpr"), "a.csv", "\n".join(quoted))
    assert [(one.text, list(one.answers)) for one in questions(path)] == rows


# Real ones


def real(name: str, **options: Any) -> QuestionSet:
    if not corpora.have(name):
        pytest.skip(f"{name} is not there")
    return read_questions(corpora.DATA / name, **options)


@pytest.mark.parametrize("name", ["xquad.en.json", "policyqa-dev.json"])
def test_squad_like_sets_belong_to_their_ingested_paragraphs(name: str) -> None:
    found = real(name)
    documents = {
        row.content.id: row.content.text
        for row in read_sources([str(corpora.DATA / name)])
        if isinstance(row.content, Document)
    }
    corpus = corpora.squad_json(name)
    assert found.format == "squad"
    assert [one.text for one in found.questions] == [question.strip() for question in corpus.questions]
    gold = [documents[document_id] for one in found.questions for document_id in one.relevant]
    assert gold == [corpus.passages[place] for place in corpus.gold]
    assert all(answer in text for one, text in zip(found.questions, gold, strict=True) for answer in one.answers)


def test_squad_sentences_belong_to_their_ingested_lines() -> None:
    found = real("squad-sentences")
    rows = read_sources([str(corpora.DATA / "squad-sentences" / "passages.txt")], format="lines")
    lines = {row.content.id: row.content.text for row in rows if isinstance(row.content, Document)}
    corpus = corpora.squad_sentences()
    assert [one.text for one in found.questions] == [question.strip() for question in corpus.questions]
    for number, one in enumerate(found.questions):
        assert {lines[line] for line in one.relevant} == {corpus.passages[corpus.gold[number]]}
    assert sum(len(one.relevant) for one in {id(one.relevant): one for one in found.questions}.values()) == 10_570


def test_vaswani_joins_topics_and_judgements() -> None:
    found = real("vaswani")
    assert (found.format, len(found.questions), found.unjudged, found.unasked) == ("trec", 93, (), ())
    assert sum(len(one.relevant) for one in found.questions) == 2083
    assert found == real("vaswani/query-text.trec", qrels=corpora.DATA / "vaswani" / "qrels")


def test_nq_open_has_answers() -> None:
    found = real("nq-open.dev.jsonl")
    assert (found.format, len(found.questions)) == ("jsonl", 3610)
    assert found.questions[0].answers == ("14 December 1972 UTC", "December 1972")
