"""Hostile texts, slow and failing servers, missing encoders."""

from pathlib import Path

from hybrid import create_index, open_index
from hybrid.engines.contract import Index
from tests.browser import Page
from tests.conftest import small_profile
from tests.gateway_server import Server

from .story import HOSTILE, QUESTION, ids, look_up, make_passages, rest, serving


def test_nothing_in_a_passage_runs_or_becomes_markup(page: Page, server: Server) -> None:
    look_up(page, server, q="<script>alert(3)</script> rise <b>", shown=40)
    assert "hostile<b>" in ids(page)
    assert HOSTILE in page.texts("#list h3")
    assert page.run("document.querySelectorAll('#results img, #results script, #results b:not(.score)').length") == 0
    assert page.complaints == []
    # The policy holds even against code that would be a mistake of ours.
    for mistake in ("document.body.innerHTML = '<p>'", "document.body.setAttribute('onclick', 'alert(4)')"):
        assert page.run(f"(() => {{ try {{ {mistake}; }} catch (e) {{ return e.name; }} }})()") == "TypeError"
    page.run("fetch('https://example.org/').catch(() => null)")
    assert any("Content Security Policy" in one for one in page.complaints)


def test_what_fails_is_said_and_can_be_tried_again(page: Page, server: Server, index: Index) -> None:
    look_up(page, server, q=QUESTION)
    before = ids(page)
    page.disconnect()
    page.run("document.querySelector('#question').focus()")
    page.press("/")
    page.run("document.querySelector('#question').value = 'bread'")
    page.press("Enter")
    page.wait("!document.querySelector('#trouble').hidden")
    assert page.text("#trouble p") == "The server cannot be reached."
    # What was found before stays.
    assert ids(page) == before
    page.connect()
    page.click("#trouble button")
    page.wait("document.querySelector('#trouble').hidden && document.querySelector('#list .hit')")
    rest(page)
    assert ids(page) == [hit.id for hit in index.search("bread").hits]


def test_a_slow_server_is_shown_as_one_and_overtaken(page: Page, server: Server, index: Index) -> None:
    look_up(page, server, q=QUESTION)
    page.connect(latency=400)
    page.run("document.querySelector('#question').value = 'bread'")
    page.run("document.querySelector('#search').requestSubmit()")
    page.wait("document.querySelector('.progress').dataset.count !== '0'")
    assert page.run("document.querySelector('#results').getAttribute('aria-busy')") == "true"
    page.run("document.querySelector('#question').value = 'bell'")
    page.run("document.querySelector('#search').requestSubmit()")
    rest(page)
    assert ids(page) == [hit.id for hit in index.search("bell").hits]
    assert page.run("document.querySelector('#trouble').hidden")


def test_without_an_encoder_words_rank_and_the_page_says_so(page: Page, tmp_path: Path) -> None:
    create_index(str(tmp_path / "plain"), small_profile())
    with open_index(str(tmp_path / "plain")) as index:
        index.add(make_passages())
        wanted = [hit.id for hit in index.search(QUESTION, mode="lexical").hits]
    with serving(tmp_path, str(tmp_path / "plain")) as server:
        look_up(page, server, q=QUESTION)
        assert ids(page) == wanted
        assert "words alone" in page.text("#notice")
