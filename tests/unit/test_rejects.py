"""The file of rejected rows survives a crash at any byte, and never shows a row twice."""

from pathlib import Path

import pytest

from hybrid.errors import HybridError
from ingest.documents import EXCERPT, Reject, excerpt
from ingest.rejects import Reason, RejectsFile, count_reasons, read_rejects

ENTRIES = [(place, Reject("a.tsv", place + 2, "the text is empty", f"row {place}")) for place in (1, 4, 9)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "rejects.jsonl"


def test_rejects_come_back_as_they_went(path: Path) -> None:
    file = RejectsFile(path)
    file.add(ENTRIES[:2])
    file.add(ENTRIES[2:])
    assert list(read_rejects(path)) == ENTRIES
    assert file.count == 3


def test_no_reject_makes_no_file(path: Path) -> None:
    file = RejectsFile(path)
    file.add([])
    assert not path.exists()
    assert (file.count, list(read_rejects(path))) == (0, [])


def test_reasons_are_counted_whatever_row_they_are_about(path: Path) -> None:
    given = [
        "the title has 5,000 characters, more than 4,096",
        "not UTF-8: byte 0xe9 at offset 3 of the file",
        "the id 'b 1' is taken by an earlier row that says something else",
        "not UTF-8: byte 0xff at offset 1,003 of the file",
        "the index refuses passage a#0: failed to parse field [day]",
        "the index refuses passage b#12: failed to parse field [day]",
        "the index refuses passage b#12: failed to parse field [year]",
        "the id 'x' is taken by an earlier row that says something else",
        "not UTF-8: byte 0xe4 at offset 9,003 of the file",
    ]
    RejectsFile(path).add([(place, Reject("a.tsv", place + 2, reason, "")) for place, reason in enumerate(given)])
    assert count_reasons(path) == [
        Reason(given[1], 3, "a.tsv", 3),
        Reason(given[2], 2, "a.tsv", 4),
        Reason(given[4], 2, "a.tsv", 6),
        Reason(given[0], 1, "a.tsv", 2),
        Reason(given[6], 1, "a.tsv", 8),
    ]
    assert count_reasons(path.with_name("other")) == []


def test_new_job_begins_with_an_empty_file(path: Path) -> None:
    RejectsFile(path).add(ENTRIES)
    assert RejectsFile(path).count == 0
    assert list(read_rejects(path)) == []


def test_resumed_job_drops_what_it_will_meet_again(path: Path) -> None:
    RejectsFile(path).add([ENTRIES[2], *ENTRIES[:2]])  # not in order: some are found only when they are written
    file = RejectsFile(path, resume=9)
    assert file.count == 2
    file.add(ENTRIES[2:])
    assert list(read_rejects(path)) == ENTRIES


def test_crash_at_any_byte_of_a_write_loses_only_that_line(path: Path) -> None:
    RejectsFile(path).add(ENTRIES)
    whole = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        kept = sum(end <= size for end in ends)
        assert list(read_rejects(path)) == ENTRIES[:kept]
        file = RejectsFile(path, resume=100)
        assert file.count == kept
        file.add(ENTRIES[kept:])
        assert path.read_bytes() == whole


def test_anything_can_be_rejected(path: Path) -> None:
    RejectsFile(path).add([(0, Reject("a\ud800.txt", 1, "why\n\x1b[31m", "\ud800\x00é"))])
    assert list(read_rejects(path)) == [(0, Reject(r"a\ud800.txt", 1, r"why\n\x1b[31m", r"\ud800\x00é"))]


def test_another_file_is_not_touched(path: Path) -> None:
    path.parent.mkdir()
    path.write_text('{"my": "data"}\n')
    with pytest.raises(HybridError, match="no file of rejected rows; name another one"):
        RejectsFile(path, resume=3)
    assert path.read_text() == '{"my": "data"}\n'
    assert list(path.parent.iterdir()) == [path]


def test_folder_in_its_place_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(HybridError, match=r"cannot be used: Is a directory\.$"):
        RejectsFile(tmp_path)


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (b"plain \xff row\n", r"plain \xff row"),
        ("tab\there \x1b[2J\u2028", r"tab\there \x1b[2J"),
        ("語" * 500, "語" * EXCERPT),
        ("語".encode() * 500, "語" * EXCERPT),
        ("", ""),
    ],
)
def test_excerpt_is_short_and_printable(row: str | bytes, shown: str) -> None:
    assert excerpt(row) == shown
