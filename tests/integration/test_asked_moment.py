"""The moment that ``eval``, ``tune`` and ``batch`` see: held while they ask, and after questions are encoded."""

import dataclasses
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hybrid import Passage, create_index, open_index
from hybrid.encoders import load_encoder
from hybrid.settings import Settings
from tests.commands import Say, one_line
from tests.conftest import MakeIndex
from tests.integration.evaluating import ENGINES, MADE, Asked
from tests.integration.faults import name_of, upstream_of
from tests.services.http_server import Reply, Request
from tests.services.recorder import Fault, forwarding, recorder

ASKED = importlib.import_module("hybrid.cli.asked")


@pytest.mark.parametrize("fresh", ENGINES, indirect=True)
@pytest.mark.parametrize("name", ["eval", "tune", "batch"])
def test_what_is_written_while_questions_are_asked_is_not_seen(
    hybrid: Say, fresh: str, name: str, asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"hybrid.cli.{name}")
    write_nothing, out = module.asking, tmp_path / "run.trec"
    command: list[str | Path] = [name, fresh, *asked.options, "--json"]
    if name == "batch":
        command = [name, fresh, asked.questions, "--vectors", asked.vectors, "--out", out]

    def say() -> object:
        said = hybrid(*command)
        assert said.code == 0, said.err
        if name == "batch":
            return out.read_text("utf-8")
        return {part: said.json[part] for part in ("modes", "intervals")}

    @contextmanager
    def write_meanwhile(*given: Any) -> Iterator[Any]:
        with write_nothing(*given) as on_progress, open_index(fresh, settings=Settings()) as index:
            index.delete([one.id for one in MADE.passages[:300]], refresh=True)
            yield on_progress

    before = say()
    monkeypatch.setattr(module, "asking", write_meanwhile)
    assert say() == before
    monkeypatch.undo()
    assert say() != before


@pytest.fixture(scope="module")
def encoded(make_index: MakeIndex, tmp_path_factory: pytest.TempPathFactory, model: Path) -> dict[str, str]:
    """Give the addresses of indexes that a tiny encoder belongs to."""
    encoder = load_encoder(str(model), scale=20.0, device="cpu")
    texts = [one.text for one in MADE.passages[:60]]
    vectors = encoder.encode_passages([("", text) for text in texts])
    folder = str(tmp_path_factory.mktemp("encoded") / "index")
    create_index(folder, encoder.make_profile(), settings=Settings())
    addresses = {"local": folder, "cluster": make_index(encoder.make_profile())}
    for address in addresses.values():
        with open_index(address, settings=Settings()) as index:
            passages = (Passage(f"p{row}", text, vector=vectors[row]) for row, text in enumerate(texts))
            index.add(passages, refresh=True)
    return addresses


@pytest.fixture
def few(tmp_path: Path) -> list[str]:
    """Give options that name questions without vectors."""
    questions, qrels = tmp_path / "few.tsv", tmp_path / "few.txt"
    questions.write_text("".join(f"q{row}\t{MADE.passages[row].text[:40]}\n" for row in range(8)), "utf-8")
    qrels.write_text("".join(f"q{row} 0 p{row} 1\n" for row in range(8)), "utf-8")
    return ["--questions", str(questions), "--qrels", str(qrels)]


@pytest.mark.parametrize("command", ["eval", "tune"])
def test_questions_are_encoded_before_the_index_is_held(
    hybrid: Say, encoded: dict[str, str], few: list[str], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    encode, honest = ASKED.encode_all, forwarding(upstream_of(encoded["cluster"]))

    def encode_all(*given: Any) -> Any:
        done.append("encoded")
        return encode(*given)

    def answer(request: Request) -> Reply | Fault:
        if request.method == "POST" and request.path.partition("?")[0].endswith("/_search/point_in_time"):
            done.append("held")
        return honest(request)

    monkeypatch.setattr(ASKED, "encode_all", encode_all)
    with recorder(answer) as server:
        said = hybrid(command, f"{server.url}/{name_of(encoded['cluster'])}", *few)
    assert (said.code, done) == (0, ["encoded", "held"]), said.err


@pytest.mark.parametrize("options", [["--by", "answers"], ["--fusion", "sum"], ["--k", "0"]], ids=" ".join)
@pytest.mark.parametrize("command", ["eval", "tune"])
def test_mistakes_are_told_before_anything_is_encoded(
    hybrid: Say,
    encoded: dict[str, str],
    few: list[str],
    command: str,
    options: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(ASKED, "encode_all", lambda *given: begun.append(given))
    assert hybrid(command, encoded["local"], *few, *options).code == 2
    assert not begun


def test_words_alone_are_measured_without_an_encoder(
    hybrid: Say, encoded: dict[str, str], few: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_encoder = hybrid("eval", encoded["local"], *few, "--json").json
    begun: list[Any] = []
    monkeypatch.setattr(ASKED, "encode_all", lambda *given: begun.append(given))
    found = hybrid("eval", encoded["local"], *few, "--modes", "lexical", "--json").json
    assert found["modes"]["lexical"] == with_encoder["modes"]["lexical"]
    assert list(found["latency_ms"]) == ["search lexical"]
    assert not begun


def test_encoder_that_changes_while_questions_are_encoded_is_told(
    hybrid: Say, encoded: dict[str, str], few: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, encode = str(tmp_path / "index"), ASKED.encode_all
    assert hybrid("copy", encoded["local"], folder).code == 0

    def encode_all(*given: Any) -> Any:
        vectors = encode(*given)
        with open_index(folder) as index:
            index.intake().change_profile(lambda profile: dataclasses.replace(profile, pair_id="another"))
        return vectors

    monkeypatch.setattr(ASKED, "encode_all", encode_all)
    assert "the index holds vectors of another" in one_line(hybrid("eval", folder, *few))
