"""What the page shows is what the engine ranks, at every λ."""

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from hybrid.engines.contract import Index
from tests.browser import Page
from tests.gateway_server import Server
from tests.tiny_models import save_kin

from .story import QUESTION, ids, look_up, rank, rest, serving, slide


def test_a_question_is_typed_and_answered(page: Page, server: Server, index: Index) -> None:
    page.open(server.url + "/")
    page.wait("document.querySelector('#size').textContent")
    assert page.text("#size") == "wiki · 41 passages"
    assert page.run("document.activeElement.id") == "question"
    page.write(QUESTION)
    page.press("Enter")
    page.wait("document.querySelector('#list .hit')")
    rest(page)
    found = index.search(QUESTION)
    assert ids(page) == [hit.id for hit in found.hits]
    assert page.texts("#list .score") == [f"{hit.score:.2f}" for hit in found.hits]
    assert page.run("location.search") == "?" + urlencode({"q": QUESTION})
    assert page.run("document.title") == f"{QUESTION} · hybrid"
    assert page.complaints == []


def test_both_parts_of_every_score_are_shown(page: Page, server: Server, index: Index) -> None:
    look_up(page, server, q=QUESTION, shown=40)
    told = dict(zip(ids(page), page.texts("#list .told"), strict=True))
    hits = index.search(QUESTION, k=40).hits
    assert len(told) == 40
    expected = {hit.id for hit in hits if hit.sim is None}
    assert expected == {"sea-level-1", "rome-2"}
    for hit in hits:
        words = told[hit.id].replace("−", "-").replace("\n", " ")
        sim = hit.sim_expected if hit.sim is None else hit.sim
        assert sim is not None
        assert words.startswith(f"BM25 {hit.bm25:.2f}")
        assert f"1.10 · {sim:.2f} {1.1 * sim:.2f}".replace("-0.00", "0.00") in words
        assert ("expected" in words) == (hit.sim is None)


@pytest.mark.parametrize("lam", [0.0, 0.35, 1.1, 3.0])
def test_the_slider_ranks_live_as_the_engine_does(page: Page, server: Server, index: Index, lam: float) -> None:
    look_up(page, server, q=QUESTION, shown=40)
    page.disconnect()
    slide(page, lam)
    page.wait(f"document.querySelector('#weight').textContent === '{lam:.2f}'")
    assert ids(page) == rank(index, lam, k=40)


def test_after_a_slide_the_engine_has_the_last_word(page: Page, server: Server, index: Index) -> None:
    look_up(page, server, q=QUESTION)
    slide(page, 0.2)
    page.wait("location.search.includes('lambda=0.2')")
    rest(page)
    assert ids(page) == rank(index, 0.2)
    page.click("#reset")
    page.wait("!location.search.includes('lambda')")
    rest(page)
    assert ids(page) == rank(index, 1.1)


def test_three_columns_are_the_three_modes(page: Page, server: Server, index: Index) -> None:
    look_up(page, server, q=QUESTION, view="columns")
    assert ids(page, ".lexical .list") == rank(index, 1.1, mode="lexical")
    assert ids(page, ".hybrid .list") == rank(index, 1.1)
    assert ids(page, ".dense .list") == rank(index, 1.1, mode="dense")
    shared = set(rank(index, 1.1)) & set(rank(index, 1.1, mode="lexical"))
    assert page.run("document.querySelectorAll('.lines .words').length") == len(shared)


def test_filters_are_the_engines(page: Page, server: Server, index: Index) -> None:
    look_up(page, server, q=QUESTION)
    assert {"topic", "year"} <= set(page.texts("#facets legend"))
    page.click("""#facets input[data-facet='topic="trade"']""")
    page.wait("location.search.includes('m.topic=trade')")
    rest(page)
    wanted = index.search(QUESTION, k=10, filter={"term": {"meta.topic": "trade"}})
    assert ids(page) == [hit.id for hit in wanted.hits]
    page.click("#facets input[data-facet='year=1991']")
    page.wait("location.search.includes('m.year=1991')")
    rest(page)
    assert ids(page) == ["falling-prices-1", "lifts-1"]
    assert page.run("document.querySelectorAll('#facets input:checked').length") == 2
    # Both are still there to be let go, and so are the values beside them.
    assert any(text.startswith("nature") for text in page.texts("#facets label"))
    page.run("history.back()")
    page.wait("!location.search.includes('m.year')")
    rest(page)
    assert ids(page) == [hit.id for hit in wanted.hits]


def test_a_link_restores_everything(page: Page, server: Server, index: Index) -> None:
    look_up(page, server, q=QUESTION, view="columns", **{"lambda": "0.5", "m.topic": "nature"})
    nature = index.search(QUESTION, lam=0.5, filter={"term": {"meta.topic": "nature"}})
    assert ids(page, ".hybrid .list") == [hit.id for hit in nature.hits]
    assert page.run("document.querySelector('#question').value") == QUESTION
    assert page.text("#weight") == "0.50"
    assert page.run("document.querySelector('[name=view]:checked').value") == "columns"
    assert page.run("document.querySelector('#facets input:checked').dataset.facet") == 'topic="nature"'


def test_the_answer_stands_on_top_with_its_place(page: Page, folder: Path, tmp_path: Path) -> None:
    """A reader of random weights answers anything; its answers stand behind letters outside of the first plane."""
    reader = save_kin(tmp_path / "reader", "BertForQuestionAnswering")
    with serving(tmp_path, str(folder), HYBRID_READER=str(reader)) as server:
        for question in (QUESTION, "bread rise", "lifts", "bells rim"):
            body = json.dumps({"index": "wiki", "question": question}).encode()
            # The first of them waits for the reader to be loaded, which the page would not.
            (best, *_), hits = (server.ask("POST", "/v1/ask", body).json[name] for name in ("answers", "hits"))
            look_up(page, server, q=question)
            assert page.run("document.querySelector('#trouble').hidden"), page.text("#trouble")
            assert page.text(".answer-text") == best["text"]
            assert page.text("#answer .place") == best["text"]
            (title,) = (hit["title"] for hit in hits if hit["id"] == best["passage_id"])
            assert page.text("#answer .source") == f"from {title}"
            assert page.complaints == []


def test_the_bundled_reader_answers_once_the_lists_are_there(page: Page, server: Server) -> None:
    """Reading takes a while: nothing waits for it, and typing alone asks nothing."""
    assert server.ask("GET", "/v1/indexes").json["answers"] is True
    look_up(page, server, q="what makes the dough rise?")
    body = b'{"index": "wiki", "question": "what makes the dough rise?"}'
    best, *_ = server.ask("POST", "/v1/ask", body).json["answers"]
    assert page.text(".answer-text") == best["text"] == "𝔜 Yeast"
    assert page.text("#answer .source") == f"from Bread, {100 * best['confidence']:.0f} % likely"
    asked = "performance.getEntriesByType('resource').filter(one => one.name.includes('/v1/'))"
    calls = page.run(f"{asked}.map(one => [new URL(one.name).pathname, one.startTime, one.responseEnd])")
    (asked_at,) = (start for path, start, _ in calls if path == "/v1/ask")
    lists = [end for path, _, end in calls if path == "/v1/search"]
    assert len(lists) == 3
    assert asked_at >= max(lists)
    page.run("document.querySelector('#question').focus()")
    page.send("Input.insertText", text=" and fall")
    rest(page)
    assert page.run(f"{asked}.length") == len(calls)


def test_the_request_that_is_shown_works(page: Page, server: Server) -> None:
    look_up(page, server, q="it's the sea's rise", **{"m.topic": "nature"})
    body = (
        page.run("document.querySelector('#request pre').textContent").partition("-d '")[2][:-1].replace("'\\''", "'")
    )
    found = server.ask("POST", "/v1/search", body.encode()).json
    assert [hit["id"] for hit in found["hits"]] == ids(page)


def test_a_column_without_passages_says_why(page: Page, server: Server) -> None:
    look_up(page, server, q="zxqv", view="columns")
    assert ids(page, ".lexical .list") == []
    assert page.texts(".empty") == ["No passage has these words."]
    look_up(page, server, q="zxqv", view="columns", **{"m.topic": "nature"})
    assert page.texts(".empty") == ["No passage has these words under these filters."]
    look_up(page, server, q=QUESTION, view="columns")
    assert page.texts(".empty") == []


@pytest.mark.parametrize(
    ("sims", "ends"),
    [
        ([3.0, 11.0], ["11", "3"]),
        ([-0.4, 0.4], ["0.4", "−0.4"]),
        ([0.031, 0.047], ["0.05", "0.03"]),
        ([0.00001, 0.00005], ["5e−5", "8e−6"]),
    ],
    ids=str,
)
def test_the_ends_of_the_axis_of_sim_have_digits_enough(
    page: Page, server: Server, sims: list[float], ends: list[str]
) -> None:
    page.open(server.url + "/")
    ranked = [
        {"hit": {"id": str(sim)}, "words": 1, "meaning": sim, "score": 1 + sim, "sim": {"value": sim}} for sim in sims
    ]
    shown = page.run(
        "import('/page/map.js').then(({ drawMap }) => { const map = document.createElement('div');"
        f" drawMap(map, {json.dumps(ranked)}, {{ pool: {{ origin: () => null }}, lambda: 1, shown: 10 }});"
        " return [...map.querySelectorAll('svg > text')].slice(-2).map(e => e.textContent); })"
    )
    assert shown == ends
