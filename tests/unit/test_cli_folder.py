"""The command on a folder: why nothing was found, what was not there to be deleted, counts of one."""

from pathlib import Path

import pytest

from hybrid import Passage, create_index, open_index
from hybrid.cli.main import COMMANDS, program, run
from tests.commands import Said, Say, one_line, speaker
from tests.conftest import small_profile

SEARCH = ("search", "--mode", "lexical")


@pytest.fixture
def hybrid(capsys: pytest.CaptureFixture[str]) -> Say:
    return speaker(capsys)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an index of documents with one, two and many passages, some called as ingestion calls them."""
    folder = tmp_path / "wiki"
    create_index(str(folder), small_profile())
    tides = [Passage(f"tides#{number}", "a fox", document_id="tides", number=number) for number in range(2)]
    other = [Passage("front", "a fox", document_id="book"), Passage("back", "a fox", document_id="book")]
    with open_index(str(folder)) as index:
        index.add([*tides, *other, Passage("alone", "a fox", meta={"topic": "x", "year": 1, "by": {"name": "A"}})])
    return folder


def search(hybrid: Say, folder: Path, *options: str) -> str:
    said = hybrid(*SEARCH, folder, "fox", *options)
    assert (said.code, said.out) == (0, "")
    return said.err.removeprefix("Nothing was found").rstrip("\n")


THERE = "those of metadata are meta.by.name, meta.topic, meta.year."


@pytest.mark.parametrize(
    ("clause", "told"),
    [
        ('{"term": {"topic": "x"}}', f": no passage has the field topic; {THERE}"),
        ('{"bool": {"filter": [{"term": {"topik": "x"}}]}}', f": no passage has the field topik; {THERE}"),
        (
            '{"exists": {"field": "meta.topik"}}',
            ": no passage has the metadata field topik; there are by.name, topic, year.",
        ),
        ('{"term": {"meta.topic": "y"}}', "."),
        ('[{"exists": {"field": "meta.by"}}, {"term": {"id": "nobody"}}]', "."),
    ],
)
def test_filter_on_a_field_that_no_passage_has_is_told(clause: str, told: str, hybrid: Say, folder: Path) -> None:
    assert search(hybrid, folder, "--filter", clause) == told


def test_condition_and_filter_are_told_together(hybrid: Say, folder: Path) -> None:
    told = search(hybrid, folder, "--filter", '{"term": {"topic": "x"}}', "--where", "yaer=1")
    assert told == f": no passage has the field topic or meta.yaer; {THERE}"


def test_empty_index_is_told(hybrid: Say, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    create_index(str(folder), small_profile())
    assert search(hybrid, folder) == f": the index is empty; fill it with hybrid ingest {folder} FILE"
    assert hybrid(*SEARCH, folder, "fox", "--json").err == ""


def test_documents_that_are_not_there_are_named(hybrid: Say, folder: Path) -> None:
    assert hybrid("delete", folder, "tides", "nope", "tides") == Said(0, "2 passages deleted\n", "not there: nope\n")
    assert hybrid("delete", folder, "book", "alone") == Said(0, "3 passages deleted\n", "")
    many = [f"n{number}" for number in range(7)]
    told = "not there: n0, n1, n2, n3, n4 and 2 more\n"
    assert hybrid("delete", folder, *many) == Said(1, "0 passages deleted\n", told)
    with open_index(str(folder)) as index:
        assert index.status().passages == 0


def test_whole_index_is_not_deleted_where_nobody_can_be_asked(
    hybrid: Say, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/null").open(encoding="utf-8") as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        said = hybrid("delete", folder, "--everything")
    assert said.code == 2
    assert "say --yes" in one_line(said)
    assert folder.exists()
    said = hybrid("delete", folder, "--everything", "--yes")
    assert said == Said(0, "", f"{folder} is deleted, with its passages, locks and jobs\n")
    assert not folder.exists()


def test_one_is_not_many(hybrid: Say, folder: Path) -> None:
    hybrid("delete", folder, "tides", "book")
    assert hybrid("settle", folder).out == "1 passage, 0 deleted, 1 segment\n"


def test_every_command_has_its_line_in_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["--help"]) == 0
    _, _, listed = capsys.readouterr().out.partition("Commands:\n")
    lines = listed.splitlines()
    assert [line.split()[0] for line in lines] == sorted(COMMANDS) == program.list_commands(None)  # type: ignore[arg-type]
    assert all(len(line) <= 80 and line.endswith(".") and "..." not in line and "…" not in line for line in lines)
