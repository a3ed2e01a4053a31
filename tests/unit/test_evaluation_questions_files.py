"""Whatever file of questions is named: plain lists, packed files, which format it is, and what is refused."""

import gzip
from pathlib import Path

import pytest

from hybrid.errors import HybridError, UsageError
from hybrid.evaluation.formats.files import read_lines
from hybrid.evaluation.questions import Question
from hybrid.evaluation.sources import FORMATS, read_questions
from tests.question_files import questions, write


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
