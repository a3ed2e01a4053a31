"""``hybrid serve`` says what it serves, or in one line what is wrong with what it was told."""

import socket
from pathlib import Path
from typing import Any

import pytest

from hybrid.cli.main import run
from hybrid.cli.serve import read_served
from hybrid.gateway.served import Served

UPSTREAM = ("serve", "--upstream", "http://127.0.0.1:9")
GIVEN: dict[str, Any] = {
    **dict.fromkeys(["names", "modes", "filters"], ()),
    **{"indexes": ("wiki",), "default_mode": "on", "side": "profile", "lam": None, "admit": 100, "min_sim": None},
}


def test_an_index_is_served_under_its_own_name() -> None:
    assert read_served(GIVEN) == {"wiki": Served(shown="wiki", name="wiki")}


def test_names_modes_and_filters_are_put_together() -> None:
    given = {
        "indexes": ("wiki",),
        "names": ("news=wiki--v1--12345678",),
        "modes": ("news=shadow",),
        "filters": ('news={"term": {"meta.public": true}}',),
        "side": "body",
        "lam": 0.5,
        "min_sim": 3.0,
        "admit": 20,
    }
    common: dict[str, Any] = {"side": "body", "lam": 0.5, "min_sim": 3.0, "admit": 20}
    news = Served(
        shown="news",
        name="wiki--v1--12345678",
        mode="shadow",
        required={"term": {"meta.public": True}},
        **common,
    )
    assert read_served({**GIVEN, **given}) == {"wiki": Served(shown="wiki", name="wiki", **common), "news": news}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "--index NAME"),
        (("--index", "Wiki"), "upper case"),
        (("--index", "a,b"), "index name"),
        (("--name", "wiki"), "NAME=VALUE"),
        (("--name", "wiki="), "NAME=VALUE"),
        (("--index", "wiki", "--mode", "news=on"), "not served"),
        (("--index", "wiki", "--filter", "news={}"), "not served"),
        (("--index", "wiki", "--mode", "wiki=hybrid"), "--mode knows"),
        (("--index", "wiki", "--filter", "wiki={"), "no JSON"),
        (("--index", "wiki", "--filter", 'wiki={"a": 1, "b": 2}'), "no query clause"),
        (("--index", "wiki", "--filter", "wiki=[]"), "no query clause"),
        (("--index", "wiki", "--lambda", "-1"), "lambda"),
        (("--index", "wiki", "--cors", "https://page.example/"), "no origin"),
        (("--index", "wiki", "--cors", "page.example"), "no origin"),
        (("--index", "wiki", "--cors", "https://Page.example"), "no origin"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: tuple[str, ...], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*UPSTREAM, *arguments]) == 2
    line = capsys.readouterr().err.strip()
    assert word in line
    assert "\n" not in line


@pytest.mark.parametrize("upstream", ["http://eve:hunter2@host:9200", "host:9200", "ftp://host", "http://"])
def test_an_upstream_that_cannot_be_is_refused(upstream: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--upstream", upstream, "--index", "wiki"]) == 2
    said = capsys.readouterr().err
    assert "--upstream" in said
    assert "hunter2" not in said


def test_the_upstream_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HYBRID_OPENSEARCH_URL", raising=False)
    assert run(["serve", "--index", "wiki"]) == 2
    assert "HYBRID_OPENSEARCH_URL" in capsys.readouterr().err
    monkeypatch.setenv("HYBRID_OPENSEARCH_URL", "ftp://host")
    assert run(["serve", "--index", "wiki"]) == 2
    assert "ftp://host" in capsys.readouterr().err


def test_a_place_where_it_cannot_listen_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    no_pem = tmp_path / "no.pem"
    no_pem.write_text("nothing", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for arguments, word in (
            (("--port", port), "choose another --host or --port"),
            (("--host", "256.1.1.1"), "Cannot listen on 256.1.1.1"),
            (("--certificate", str(no_pem)), "PEM"),
            (("--key", str(no_pem)), "--key needs --certificate"),
        ):
            assert run([*UPSTREAM, "--index", "wiki", *arguments]) == 2
            line = capsys.readouterr().err.strip().splitlines()[-1]
            assert line.startswith("hybrid: ")
            assert word in line
