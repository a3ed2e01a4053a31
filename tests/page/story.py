"""What the page is asked about in tests, and what is read off it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from hybrid import Passage
from hybrid.engines.contract import Index
from tests.browser import Page
from tests.gateway_server import Server
from tests.services.processes import LOCALHOST, Leashed, free_ports, wait_until

HYBRID = Path(sys.executable).with_name("hybrid")
QUESTION = "what makes the sea rise and fall?"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script> ‮ rise of the sea"
TOPICS = {
    "Tides": ("nature", "The Moon pulls the water of the ocean up and down twice a day."),
    "Sea level": ("nature", "😀 The sea will rise when glaciers melt; the rise is measured by satellites."),
    "Falling prices": ("trade", "Prices rise and fall with what buyers make of the harvest."),
    "Bread": ("food", "𝔜 Yeast makes the dough rise before it is baked."),
    "Bells": ("music", "A bell rings when its clapper hits the rim."),
    "Rome": ("history", "The rise and fall of Rome fills many books."),
    "Lifts": ("trade", "A counterweight makes the cabin go up with little force."),
    "Waves": ("nature", "Wind over open water makes swell that runs to far shores."),
}
#: Passages enough for several pages of ten; few enough that every one is a candidate.
COPIES = 5


def make_passages() -> list[Passage]:
    """Give passages of few words, one of them hostile, one very long, one about to get its vector."""
    some = [
        Passage(
            id=f"{title.lower().replace(' ', '-')}-{copy}",
            title=title,
            text=f"{text} Remark {'x' * (copy + 1)}." + (" And so on and on." * 60 if title == "Bells" else ""),
            meta={"topic": topic, "year": 1990 + copy},
        )
        for title, (topic, text) in TOPICS.items()
        for copy in range(COPIES)
    ]
    return [*some, Passage("hostile<b>", HOSTILE, title=HOSTILE, meta={"topic": "<i>odd</i>", "year": 1990})]


@contextmanager
def serving(place: Path, *arguments: str, **environ: str) -> Iterator[Server]:
    """Run ``hybrid serve`` until the block ends."""
    (port,) = free_ports(1)
    log = place / f"serve-{port}.log"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HYBRID_")}
    settings = [f"{name}={value}" for name, value in {**plain, "HF_HUB_OFFLINE": "1", **environ}.items()]
    command = ["/usr/bin/env", "-i", *settings, str(HYBRID), "serve", *arguments, "--port", str(port)]
    process = Leashed(command, folder=place / f"serve-{port}", log=log)
    server = Server(f"http://{LOCALHOST}:{port}", log)

    def answers() -> bool:
        try:
            return server.ask("GET", "/v1/indexes").status == 200
        except OSError:
            return False

    try:
        wait_until(answers, ended=process.ended, evidence=lambda: log.read_text("utf-8"), what="hybrid serve")
        yield server
    finally:
        process.stop()


def look_up(page: Page, server: Server, **state: Any) -> None:
    """Open the page with a state in its address, and wait until all is there."""
    page.open(f"{server.url}/?{urlencode(state)}")
    page.wait("document.querySelector('#results .hit')")
    rest(page)


def rest(page: Page) -> None:
    """Wait until nothing is on its way."""
    page.wait("document.querySelector('.progress').dataset.count === '0' && !document.querySelector('[aria-busy]')")


def ids(page: Page, selector: str = "#list") -> list[str]:
    return list(page.run(f"[...document.querySelectorAll('{selector} > .hit')].map(e => e.dataset.id)"))


def slide(page: Page, value: float) -> None:
    """Put the slider somewhere, as a hand does."""
    page.run(
        f"(() => {{ const s = document.querySelector('#lambda'); s.value = {value};"
        " s.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def rank(index: Index, lam: float, **options: Any) -> list[str]:
    return [hit.id for hit in index.search(QUESTION, lam=lam, **options).hits]
