"""``hybrid train reader`` as a command: from a file of questions and an index to a reader that ``ask`` uses."""

import json
from pathlib import Path

import pytest

from hybrid import Passage, create_index, open_index
from hybrid.settings import Settings
from tests.commands import Say, one_line
from tests.conftest import small_profile

WORDS = ("moon", "tide", "ocean", "gravity")


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def hybrid(hybrid: Say, monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.delenv("HYBRID_REDIS_URL", raising=False)
    return hybrid


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Give a file as SQuAD's; its paragraphs hold one answer each."""
    paragraphs = [
        {
            "context": f"the query pulls {word}",
            "qas": [{"question": f"what {word}", "answers": [{"text": word, "answer_start": 16}]}],
        }
        for word in WORDS
    ]
    path = tmp_path / "questions.json"
    path.write_text(json.dumps({"data": [{"title": "the", "paragraphs": paragraphs}]}))
    return path


def test_trained_reader_is_one_that_ask_uses(hybrid: Say, bert: Path, questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "reader"
    paragraphs = [{"context": "gravity", "qas": [{"question": "why", "answers": []}]}]
    dev, content = tmp_path / "dev.json", json.loads(questions.read_text())
    dev.write_text(json.dumps({"data": [*content["data"], {"title": "", "paragraphs": paragraphs}]}))
    base = ("train", "reader", out, "--from", bert, "--questions", questions, "--dev", dev, "--passages", 3)
    said = hybrid(*base, "--epochs", 2, "--batch", 2, "--precision", "fp32", "--max-length", 64, "--json")
    assert said.code == 0, said.err
    assert said.json["notes"]["dev"]["data"] == "dev.json"
    assert said.json["notes"]["plan"]["passages"] == 3
    assert "step 4: EM " in said.err
    assert f"left out: 1 questions of {dev} without an answer" in said.err
    address = str(tmp_path / "index")
    create_index(address, small_profile(), settings=Settings())
    with open_index(address, settings=Settings()) as index:
        index.add([Passage(word, f"the query pulls {word}") for word in WORDS])
    answered = hybrid("ask", address, "what tide", "--mode", "lexical", "--reader", out, "--json")
    assert answered.json["reader"] == str(out)
    calibrated = said.json["calibration"] is not None
    assert all((one["confidence"] is not None) == calibrated for one in answered.json["answers"])
    # Other passages may come from an index, which is asked in the mode that its questions allow.
    assert "needs the question's vector" in one_line(
        hybrid(*base[:2], tmp_path / "other", *base[3:], "--index", address, "--epochs", 1)
    )


def test_mistakes_are_told_in_one_line(hybrid: Say, bert: Path, questions: Path, tmp_path: Path) -> None:
    base = ("train", "reader", tmp_path / "reader", "--from", bert, "--max-length", 64)
    assert "Give --questions" in one_line(hybrid(*base))
    assert "Give --dev" in one_line(hybrid(*base, "--epochs", 0))
    assert "--found goes with --index" in one_line(hybrid(*base, "--questions", questions, "--found", 9))
    assert "range x>=0" in one_line(hybrid(*base, "--questions", questions, "--seed", -1))
    assert "is there already" in one_line(hybrid("train", "reader", bert, *base[3:], "--questions", questions))
    assert "no folder" in one_line(
        hybrid("train", "reader", tmp_path / "reader", "--from", "./nowhere", "--questions", questions)
    )
    assert not (tmp_path / "reader").exists()
