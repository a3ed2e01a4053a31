"""``hybrid serve FOLDER``: which names it answers to, and what it refuses."""

import json
import shutil
from pathlib import Path

import pytest

from hybrid import create_index
from hybrid.cli.main import run
from hybrid.encoders import load_encoder
from tests.browser import Page
from tests.conftest import small_profile
from tests.gateway_server import Server
from tests.tiny_models import save_sentence_transformer

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


def test_an_index_that_is_not_there_is_told_with_those_that_are(page: Page, folder: Path, tmp_path: Path) -> None:
    create_index(str(tmp_path / "notes"), small_profile())
    with serving(tmp_path, str(folder), str(tmp_path / "notes")) as server:
        page.open(f"{server.url}/?index=nope&q=bread")
        page.wait("!document.querySelector('#notice').hidden")
        rest(page)
        assert page.text("#notice") == "No index is called nope here; there are: wiki, notes"
        assert page.run("document.querySelectorAll('#results .hit').length") == 0
        assert page.run("document.querySelector('#index').value") == ""
        page.click("#notice a")
        page.wait("location.search.includes('index=wiki')")
        page.wait("document.querySelector('#results .hit')")
        rest(page)
        assert page.run("document.querySelector('#notice').hidden")
        assert page.run("document.querySelector('#question').value") == "bread"
        assert page.complaints == []


def test_whether_it_works_and_what_it_does_is_told_as_the_gateway_tells_it(folder: Path, tmp_path: Path) -> None:
    with serving(tmp_path, str(folder)) as server:
        health = server.ask("GET", "/healthz")
        assert (health.status, health.json) == (200, {"status": "ready", "indexes": {"wiki": "ready"}})
        for body, status in ((b'{"index": "wiki", "question": "bread"}', 200), (b'{"index": "nope"}', 400)):
            assert server.ask("POST", "/v1/search", body).status == status
        lines = [line.rpartition(" ") for line in server.ask("GET", "/metrics").body.decode().splitlines()]
        counted = {name: value for name, _, value in lines}
        assert counted['hybrid_requests_total{route="healthz",status="200"}'] == "1.0"
        assert counted['hybrid_requests_total{route="search",status="200"}'] == "1.0"
        assert counted['hybrid_requests_total{route="search",status="400"}'] == "1.0"
        assert counted['hybrid_searches_total{mode="on",reason="none"}'] == "1.0"


def test_an_index_whose_encoder_is_gone_is_not_ready(tmp_path: Path) -> None:
    model = save_sentence_transformer(tmp_path / "model")
    create_index(str(tmp_path / "lost"), load_encoder(str(model), scale=20).make_profile())
    create_index(str(tmp_path / "plain"), small_profile(question_tower=None))
    shutil.rmtree(model)
    with serving(tmp_path, str(tmp_path / "lost"), str(tmp_path / "plain")) as server:
        health = server.ask("GET", "/healthz")
        assert (health.status, health.json["status"]) == (503, "not ready")
        assert "model" in health.json["indexes"]["lost"]
        assert health.json["indexes"]["plain"] == "ready"


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
        (b'{"index": ["wiki"], "question": "who"}', 400),
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


def test_an_index_that_is_not_named_is_missed_by_its_key(server: Server) -> None:
    for path in ("/v1/search", "/v1/ask"):
        for body in (b'{"question": "who"}', b'{"index": null, "question": "who"}'):
            answer = server.ask("POST", path, body)
            assert answer.status == 400
            assert "[index] is missing" in answer.json["error"]["reason"]
    assert "[index] is missing" in server.ask("POST", "/v1/profile", b"{}").json["error"]["reason"]


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


def test_a_search_from_afar_that_finds_nothing_is_no_error(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gateway tells nothing of an index but its rankings."""
    assert run(["search", f"gateway+{server.url}/wiki", "zxqv", "--mode", "lexical"]) == 0
    assert capsys.readouterr() == ("", "Nothing was found.\n")
