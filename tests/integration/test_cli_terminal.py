"""The command on a terminal: as wide as it is, coloured unless that is not wanted; plain lines in a pipe."""

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from hybrid import Passage, create_index, open_index
from hybrid.settings import Settings
from tests.conftest import MakeIndex, small_profile
from tests.integration.feeding import document, write_jsonl

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "from hybrid.cli.main import main; main()")
STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-7]|9[0-7])[;m]")
TEXT = "The gravity of the Moon pulls the oceans into two bulges, and the Earth carries every shore through both."
QUESTION = "what pulls the oceans?"


def on_terminal(columns: int, *arguments: str, environ: Mapping[str, str] | None = None, code: int = 0) -> str:
    """Run the command on a terminal so wide and give all that it shows."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=clean_environ() | {"TERM": "xterm-256color"} | dict(environ or {}),
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    # Linux says so when the last of those who write has gone.
    with contextlib.suppress(OSError):
        while piece := os.read(leader, 65_536):
            shown += piece
    os.close(leader)
    assert process.wait(60) == code, shown
    return shown.decode().replace("\r\n", "\n")


def clean_environ() -> dict[str, str]:
    unwanted = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "COLORTERM", "CI"}
    return {name: value for name, value in os.environ.items() if name not in unwanted}


def in_pipe(*arguments: str, **environ: str) -> str:
    command = [*COMMAND, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environ() | environ, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def search(make_index: MakeIndex) -> list[str]:
    """Give the arguments of a search that finds two passages with a vector and one without."""
    address = make_index()
    with open_index(address, settings=Settings()) as index:
        index.add(
            [
                Passage("moon#0", TEXT, title="Tides", vector=[1.0] * 8),
                Passage("月#0", "潮汐 " * 60, title="潮汐", vector=[0.5] * 8),
                Passage("new#0", f"{TEXT} \x1b[2J", title="A title\tof two parts"),
            ],
            refresh=True,
        )
    return ["search", address, QUESTION, "--vector", json.dumps([1.0] * 8)]


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_nothing_is_wider_than_the_terminal(columns: int, search: list[str]) -> None:
    shown = on_terminal(columns, *search)
    lines = STEERING.sub("", shown).splitlines()
    assert max(map(cell_len, lines)) <= columns
    assert "\x1b[2J" not in shown
    text = "\n".join(lines)
    assert "Tides  moon#0" in text
    assert "潮汐  月#0" in text
    assert "A title of two parts  new#0" in text
    assert "3 hits in " in text


def test_ingestion_on_a_terminal_shows_a_bar_and_ends_with_its_proof(make_index: MakeIndex, tmp_path: Path) -> None:
    rows = [document(f"d{number}", 9) for number in range(30)]
    source = write_jsonl(tmp_path / "source.jsonl", [*rows, "no JSON"])
    command = ["ingest", make_index(), str(source), "--no-vectors", "--words", "3"]
    shown = STEERING.sub("", on_terminal(80, *command, code=3, environ={"XDG_STATE_HOME": str(tmp_path)}))
    assert re.search(r"passages .*90/\?.*1 rejected", shown)
    assert shown.count("rows 31 = accepted 30 + rejected 1\n") == 1
    # The address may hold those digits, too.
    told = re.findall(r"\b90\b", shown)
    assert len(told) == len(re.findall(r"created 90\b|passages 90\b|\b90/", shown)), "counts are said once"
    assert "1 × not JSON: " in shown
    assert "1 row was rejected, with line and reason in " in shown


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that a job of many rows filled, twelve of which were rejected."""
    place = tmp_path_factory.mktemp("told")
    rows = [document(f"d{number}", 9) if number % 2 else "no JSON " * 20 for number in range(24)]
    source = write_jsonl(place / "a-source-of-many-rows.jsonl", rows)
    state = {"XDG_STATE_HOME": str(place / "state")}
    create_index(str(place / "wiki"), small_profile())
    on_terminal(80, "ingest", str(place / "wiki"), str(source), "--no-vectors", code=3, environ=state)
    return place


@pytest.mark.parametrize("columns", [50, 80])
def test_rejects_are_told_with_every_line_and_source(folder: Path, columns: int) -> None:
    shown = STEERING.sub("", on_terminal(columns, "rejects", str(folder / "wiki")))
    source, header, *lines = shown.splitlines()
    assert source == str(folder / "a-source-of-many-rows.jsonl")
    assert header.split() == ["line", "reason", "row"]
    assert [line[:4] for line in lines if line[:4].strip()] == [f"{number:>4}" for number in range(1, 25, 2)]
    assert max(map(cell_len, lines)) <= columns
    assert not any(line[:6].rstrip().endswith("…") for line in lines)


@pytest.mark.parametrize("columns", [50, 80])
def test_terms_of_a_sum_stay_on_a_line(folder: Path, columns: int) -> None:
    shown = STEERING.sub("", on_terminal(columns, "status", str(folder / "wiki")))
    parts = ("12 = encoded 0", "+ pending 12", "+ failed 0", "rows 24 = accepted 12", "+ rejected 12", "deleted 0;")
    assert [part for part in parts if part not in shown] == []
    longest = max((line for line in shown.splitlines() if str(folder) not in line), key=cell_len)
    assert cell_len(longest) <= columns


def test_words_of_the_question_are_marked_and_a_missing_vector_is_told(search: list[str]) -> None:
    shown = on_terminal(140, *search)
    assert set(re.findall(r"\x1b\[1;33m([^\x1b]+)", shown)) == {"pulls", "oceans"}
    assert "expected, no vector yet" in shown
    assert COLOUR.search(shown)


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_colours_are_left_out_where_they_are_not_wanted(environ: Mapping[str, str], search: list[str]) -> None:
    shown = on_terminal(80, *search, environ=environ)
    assert not COLOUR.search(shown)
    coloured = STEERING.sub("", on_terminal(80, *search))
    assert without_time(STEERING.sub("", shown)) == without_time(coloured)


def without_time(shown: str) -> str:
    return re.sub(r"in \d+ ms", "", shown)


def test_pipe_gets_plain_lines_with_tabs_and_never_a_colour(search: list[str]) -> None:
    shown = in_pipe(*search, FORCE_COLOR="1")
    rows = [line.split("\t") for line in shown.splitlines()]
    assert {len(row) for row in rows} == {6}
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert {row[4]: row[3] for row in rows}["new#0"] == "-"
    assert "\x1b" not in shown


def test_json_is_the_same_on_a_terminal_and_in_a_pipe(search: list[str]) -> None:
    shown = json.loads(on_terminal(80, *search, "--json"))
    piped = json.loads(in_pipe(*search, "--json"))
    assert {**shown, "took_ms": 0} == {**piped, "took_ms": 0}


def test_stars_of_an_evaluation_are_explained_where_they_stand(folder: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked.tsv"
    asked.write_text("what pulls the oceans?\t['gravity']\nwho?\t['nobody']\n", "utf-8")
    measured = ["eval", str(folder / "wiki"), "--questions", str(asked), "--modes", "lexical", "--fusion", "rrf"]
    vectors = tmp_path / "vectors.npy"
    with open_index(folder / "wiki", settings=Settings()) as index:
        np.save(vectors, np.ones((2, index.profile.dimension), dtype=np.float32))
    shown = STEERING.sub("", on_terminal(100, *measured, "--vectors", str(vectors)))
    *_, heading, row, legend = shown[: shown.index("than 5%") + 7].splitlines()
    assert heading.startswith("lexical against")
    assert row.startswith("rrf")
    assert legend == "points that it is better by; * chance alone gives as much less often than 5%"
