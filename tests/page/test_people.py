"""Hands, eyes and screens: keyboard, names for screen readers, phones, both themes."""

import pytest

from hybrid.engines.contract import Index
from tests.browser import Page
from tests.gateway_server import Server

from .story import QUESTION, ids, look_up, rank, rest

#: Gives the texts whose contrast to what lies behind them is below 4.5.
_CONTRAST = """(() => {
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const read = (colour, below) => {
    paint.canvas.width = paint.canvas.height = 1;
    if (below) { paint.fillStyle = `rgb(${below})`; paint.fillRect(0, 0, 1, 1); }
    paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const behind = (element) => {
    const chain = [];
    for (let e = element; e; e = e.parentElement) chain.unshift(getComputedStyle(e).backgroundColor);
    return chain.reduce((below, colour) => read(colour, below), [255, 255, 255]);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest('svg, .hidden, .skip')) continue;
    const back = behind(e), front = read(getComputedStyle(e).color, back);
    const [a, b] = [light(back), light(front)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.push(`${e.className} ${e.textContent.slice(0, 30)} ${contrast}`);
  }
  return found;
})()"""


def test_the_keyboard_reaches_everything(page: Page, server: Server, index: Index) -> None:
    look_up(page, server, q=QUESTION)
    page.press("Escape", "ArrowDown", "ArrowDown")
    assert page.run("document.activeElement.dataset.id") == ids(page)[1]
    page.press("ArrowUp", "ArrowUp")
    assert page.run("document.activeElement.id") == "question"
    page.press("Escape")
    page.press("[", "[", "[", "[")
    page.wait("location.search.includes('lambda=0.9')")
    rest(page)
    assert ids(page) == rank(index, 0.9)
    page.press("v")
    page.wait("location.search.includes('view=columns')")
    page.press("v", "/")
    assert page.run("document.activeElement.id") == "question"
    page.press("Tab")
    seen = []
    for _ in range(25):
        seen.append(
            page.run("document.activeElement.id || document.activeElement.name || document.activeElement.className")
        )
        page.press("Tab")
    assert {"lambda", "reset", "view", "hit pointed"} <= set(seen)


def test_enter_opens_the_whole_passage(page: Page, server: Server) -> None:
    look_up(page, server, q="bell rings")
    first = ids(page)[0]
    assert first.startswith("bells")
    short = len(page.text("#list .hit .text"))
    page.press("Escape", "ArrowDown", "Enter")
    assert page.run("document.querySelector('.whole').getAttribute('aria-expanded')") == "true"
    assert len(page.text("#list .hit .text")) > 1000 > short


def test_every_control_has_a_name(page: Page, server: Server) -> None:
    look_up(page, server, q=QUESTION)
    page.send("Accessibility.enable")
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    controls = [
        (node["role"]["value"], node.get("name", {}).get("value", "").strip())
        for node in nodes
        if not node["ignored"]
        and node["role"]["value"]
        in {"button", "slider", "textbox", "searchbox", "radio", "checkbox", "link", "image"}
    ]
    assert {"slider", "radio", "checkbox", "button"} <= {role for role, _ in controls}
    assert [role for role, name in controls if not name] == []
    roles = {node["role"]["value"] for node in nodes if not node["ignored"]}
    assert {"search", "main", "banner", "complementary", "status", "list"} <= roles


@pytest.mark.parametrize("view", ["list", "columns"])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_in_both_themes(page: Page, server: Server, *, dark: bool, view: str) -> None:
    page.show(375, 812, dark=dark)
    look_up(page, server, q=QUESTION, view=view)
    assert page.run("document.documentElement.scrollWidth") == 375
    background = page.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (sum(background) < 3 * 128) == dark
    small = page.run(
        "[...document.querySelectorAll('button, input[type=range], .views span')].filter(e => e.checkVisibility())"
        ".filter(e => e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"
    )
    assert small == []


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_background(page: Page, server: Server, *, dark: bool) -> None:
    """WCAG's contrast of 4.5 holds for every text on the page."""
    page.show(dark=dark)
    look_up(page, server, q=QUESTION)
    assert page.run(_CONTRAST) == []


def test_a_question_of_a_thousand_characters(page: Page, server: Server, index: Index) -> None:
    long = (QUESTION + " 𝔘nicode ") * 23
    assert len(long) > 900
    look_up(page, server, q=long.strip())
    assert ids(page) == [hit.id for hit in index.search(long.strip()).hits]
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.run("document.querySelector('#question').offsetHeight") <= 200


@pytest.mark.parametrize("view", ["list", "columns"])
def test_nothing_runs_off_a_window_of_any_width(page: Page, server: Server, view: str) -> None:
    """Every control lies within the window; what is scrolled in a frame of its own does not count."""
    page.show(1280, 812)
    look_up(page, server, q=QUESTION, view=view, **{"lambda": "0.5"})
    beyond = {}
    for width in range(320, 901, 20):
        page.show(width, 812)
        outside = page.run(
            "[...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('#columns, svg, "
            ".skip, .hidden')).filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.id || e.className || e.tagName)"
        )
        if outside or page.run("document.documentElement.scrollWidth") > width:
            beyond[width] = outside
    assert beyond == {}
