"""``hybrid serve FOLDER``: which names it answers to, and what it refuses."""

import json
from pathlib import Path

import pytest

from hybrid import create_index
from hybrid.cli.main import run
from tests.browser import Page
from tests.conftest import small_profile
from tests.gateway_server import Server

from .story import QUESTION, look_up, rest, serving


def test_several_folders_can_be_chosen_from(page: Page, folder: Path, tmp_path: Path) -> None:
    create_index(str(tmp_path / "notes"), small_profile())
    with serving(tmp_path, str(folder), str(tmp_path / "notes")) as server:
        look_up(page, server, q=QUESTION)
        assert page.run("[...document.querySelectorAll('#index option')].map(o => o.value)") == ["wiki", "notes"]
        page.run(
            "(() => { const s = document.querySelector('#index'); s.value = 'notes'; "
            "s.dispatchEvent(new Event('change')); })()"
        )
        page.wait("location.search.includes('index=notes')")
        rest(page)
        assert page.text("#summary") == "Nothing was found."


def test_only_this_machines_names_are_answered(server: Server) -> None:
    assert server.ask("GET", "/v1/indexes", host="evil.example").status == 421
    assert server.ask("GET", "/", host="127.0.0.1.evil.example:80").status == 421
    assert server.ask("GET", "/", host="localhost:8080").status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"index": "wiki"}', 400),
        (b'{"index": "elsewhere", "question": "who"}', 404),
        (b'{"index": "wiki", "question": "who", "k": "ten"}', 400),
        (b'{"index": "wiki", "question": "who", "k": 20000}', 400),
        (b'{"index": "wiki", "question": "who", "k": true}', 400),
        (b'{"index": "wiki", "question": "who", "vector": [1, 2]}', 400),
        (b'{"index": "wiki", "question": "who", "filter": {"script": {}}}', 400),
        (b'{"index": "wiki", "question": "who", "some_day": 1}', 400),
        (b'{"index": "wiki", "question": "who", "mode": "sideways"}', 400),
    ],
)
def test_what_cannot_be_read_is_refused_as_opensearch_would(server: Server, body: bytes, status: int) -> None:
    answer = server.ask("POST", "/v1/search", body)
    assert answer.status == status
    assert json.loads(answer.body)["status"] == status
    assert answer.json["error"]["reason"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("{folder}", "--index", "wiki"), "--index is for a cluster"),
        (("{folder}", "--lambda", "1"), "--lambda is for a cluster"),
        (("{folder}", "{folder}"), "Two folders are called wiki"),
        (("os:wiki",), "os:wiki"),
        (("{folder}/nowhere",), "nowhere"),
        (("{folder}", "--key", "{folder}/index.sqlite"), "--key needs --certificate"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(
    folder: Path, arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", *(one.format(folder=folder) for one in arguments)]) in (1, 2)
    line = capsys.readouterr().err.strip()
    assert told in line
    assert "\n" not in line
