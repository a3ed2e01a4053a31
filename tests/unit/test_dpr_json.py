"""DPR's JSON is read as it comes: lists, lines, indented, packed, in pieces; what is wrong is told with its row."""

import gzip
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.errors import HybridError, UsageError
from hybrid.training import dpr_json
from hybrid.training.dpr_json import Context, Row, begins_list, is_lines, read_rows, write_rows

RAW: list[dict[str, Any]] = [
    {
        "dataset": "nq",
        "question": " who? ",
        "answers": ["Ann", "A. “Lee” \\ é"],
        "positive_ctxs": [{"title": "T", "text": "by [Ann], {Lee}", "score": 1000, "passage_id": "7"}],
        "negative_ctxs": [{"title": None, "text": "no\nbody", "score": "82.25", "psg_id": 12}],
        "hard_negative_ctxs": [],
    },
    {"question": "none?", "answers": [], "positive_ctxs": []},
]
ROWS = [
    Row(
        "who?",
        ("Ann", "A. “Lee” \\ é"),
        (Context("T", "by [Ann], {Lee}", "7", 1000.0),),
        (),
        (Context("", "no\nbody", "12", 82.25),),
        "nq",
    ),
    Row("none?", (), ()),
]
TEXTS = {
    "list": json.dumps(RAW),
    "indented": json.dumps(RAW, indent=4, ensure_ascii=False),
    "lines": "".join(json.dumps(one) + "\n" for one in RAW),
    "lines without a last break": "\n".join(json.dumps(one) for one in RAW),
    "marked": "\ufeff" + json.dumps(RAW),
}


@pytest.mark.parametrize("piece", [1, 3, 64, 1 << 18])
@pytest.mark.parametrize("name", TEXTS)
def test_rows_are_read_in_every_form_and_in_pieces_of_any_size(
    name: str, piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dpr_json, "_PIECE", piece)
    path = tmp_path / "train.json"
    path.write_text(TEXTS[name], "utf-8")
    assert list(read_rows(path)) == ROWS
    packed = tmp_path / "train.json.gz"
    packed.write_bytes(gzip.compress(TEXTS[name].encode()))
    assert list(read_rows(packed)) == ROWS
    if piece > 1:
        assert begins_list(path) == (not name.startswith("lines"))


def test_rows_come_before_the_rest_of_the_file_is_there(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    rest, in_time = threading.Event(), []

    def write() -> None:
        with path.open("w", encoding="utf-8") as file:
            row = {"question": "q", "answers": [], "positive_ctxs": [{"text": "x" * (2 * dpr_json._PIECE)}]}
            file.write("[" + json.dumps(row) + "," + " " * 8 * dpr_json._PIECE)
            file.flush()
            in_time.append(rest.wait(30))
            file.write(json.dumps(row) + "]")

    writer = threading.Thread(target=write)
    writer.start()
    rows = read_rows(path)
    assert next(rows).question == "q"
    rest.set()
    assert len(list(rows)) == 1
    writer.join()
    assert in_time == [True]


CONTEXTS = st.builds(
    Context, st.text(), st.text(), st.text(), st.none() | st.floats(allow_nan=False, allow_infinity=False)
)
MANY = st.lists(CONTEXTS, max_size=3).map(tuple)
ANY_ROW = st.builds(
    Row,
    st.text().map(str.strip),
    st.lists(st.text(), max_size=3).map(tuple),
    MANY,
    MANY,
    MANY,
    st.text(),
    st.booleans(),
)


@given(st.lists(ANY_ROW, max_size=4), st.booleans())
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], lines: bool
) -> None:
    path = tmp_path_factory.mktemp("rows") / "train"
    path.write_bytes(b"".join(write_rows(rows, lines=lines)))
    if rows or not lines:
        assert list(read_rows(path)) == rows
        plain = json.loads(path.read_text("utf-8")) if not lines else None
        assert plain is None or [one["question"] for one in plain] == [one.question for one in rows]


def test_columns_are_those_of_dpr(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_bytes(b"".join(write_rows(ROWS)))
    first, second = json.loads(path.read_text("utf-8"))
    names = {"dataset", "question", "answers", "positive_ctxs", "negative_ctxs", "hard_negative_ctxs"}
    assert set(first) == set(second) == names
    assert first["positive_ctxs"] == [{"title": "T", "text": "by [Ann], {Lee}", "score": 1000.0, "passage_id": "7"}]
    # A row of a list stands on a line of its own.
    assert len(path.read_text("utf-8").splitlines()) == 2 + len(ROWS)


def test_name_says_whether_rows_are_lines() -> None:
    assert [is_lines(Path(name)) for name in ("a.json", "a.jsonl", "a.jsonl.gz", "jsonl")] == [
        False,
        True,
        True,
        False,
    ]


def change(**columns: Any) -> str:
    return json.dumps([RAW[0], {**RAW[1], **columns}])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("7", "is no DPR JSON"),
        ("", "is no DPR JSON"),
        ("[7]", "row 1: not a JSON object"),
        ("[{]", "row 1: not JSON"),
        (change() + "x", "row 2: something stands behind"),
        (change()[:-1], "row 2: the list is not closed"),
        (json.dumps(RAW).replace("}, {", "} {"), "row 1: the list is not closed, or has something else"),
        (TEXTS["lines"][:-9], "row 2: not JSON"),
        ("[" * 100_000, "row 1: not JSON: nested too deeply"),
        (change(question=None), "row 2: no text named question"),
        (change(answers=None), "row 2: no list of texts named answers"),
        (change(answers=[7]), "row 2: no list of texts named answers"),
        (change(positive_ctxs=None), "row 2: no list named positive_ctxs"),
        ('[{"question": "q", "answers": [], "ctxs": []}]', "row 1: no list named positive_ctxs"),
        (change(positive_ctxs={}), "row 2: positive_ctxs is no list"),
        (change(negative_ctxs="no"), "row 2: negative_ctxs is no list"),
        (change(positive_ctxs=[{"title": "t"}]), "row 2: a passage of positive_ctxs without a text"),
        (change(hard_negative_ctxs=[7]), "row 2: a passage of hard_negative_ctxs without a text"),
        (change(positive_ctxs=[{"title": 7, "text": ""}]), "row 2: a title in positive_ctxs that is no text"),
        (change(positive_ctxs=[{"text": "", "score": "high"}]), "row 2: a score in positive_ctxs that is no number"),
        (change(positive_ctxs=[{"text": "", "score": "inf"}]), "row 2: a score in positive_ctxs that is no number"),
        (change(dataset=7), "row 2: a dataset that is no text"),
        (change(patterns="yes"), "row 2: patterns that is neither true nor false"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_row(content: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=r"train\.json") as caught:
        list(read_rows(path))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "rest"),
    [
        ('{"question": oops}', "\n{}"),
        ('{"question": "a\nb"}', "\n{}"),
        ('[{"question": "q" "answers": []}', ", {}"),
        ('[{"question": "q", "positive_ctxs": [{}, {}', ", {}"),
    ],
)
def test_row_that_is_none_is_told_before_the_rest_is_read(
    bad: str, rest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dpr_json, "_PIECE", 64)
    monkeypatch.setattr(dpr_json, "_LONGEST", 1000)
    path = tmp_path / "train.json"
    path.write_text(f"{bad}{rest * 10_000}", "utf-8")
    taken = 0
    read = dpr_json._Scanner._read

    def note(self: Any, size: int) -> bool:
        nonlocal taken
        taken += size
        return read(self, size)

    monkeypatch.setattr(dpr_json._Scanner, "_read", note)
    with pytest.raises(UsageError, match="row 1: not JSON"):
        list(read_rows(path))
    assert taken <= 4000


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (Path.exists, "cannot be read: No such file"),
        (lambda path: path.write_bytes(b'[{"question": "\xff"}]'), "is not UTF-8: byte 0xff"),
    ],
)
def test_file_that_cannot_be_read_is_told(write: Callable[[Path], Any], told: str, tmp_path: Path) -> None:
    write(tmp_path / "train.json")
    with pytest.raises(HybridError, match=told):
        list(read_rows(tmp_path / "train.json"))


def test_packed_file_that_is_cut_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "train.json.gz"
    path.write_bytes(gzip.compress(TEXTS["list"].encode())[:-12])
    with pytest.raises(HybridError, match="cannot be unpacked"):
        list(read_rows(path))
