"""Answers on a terminal: nothing wider than it, each marked in its place, and how sure the reader is."""

import pytest
from rich.cells import cell_len
from rich.console import Console

from hybrid.cli.answers import render_answers
from hybrid.cli.ask import LISTED, leave_out_unlikely
from hybrid.passages import Hit, SearchResult
from hybrid.reader.answers import Answer, AskResult

LONG = f"{'before ' * 300}the Moon{' after' * 300}"
TEXTS = {
    "moon#0": "The Moon\npulls \x1b[2J the sea.",
    "long#0": LONG,
    "月#0": "潮汐 " * 60,
    "all#0": "word " * 200,
}
HITS = tuple(
    Hit(rank, key, 9.0 - rank, 1.0, None, "A title", text, {}) for rank, (key, text) in enumerate(TEXTS.items(), 1)
)


def answer(passage: str, start: int, end: int, sure: float | None = None) -> Answer:
    return Answer(TEXTS[passage][start:end], 1.0, passage, start, end, sure)


ANSWERS = (
    answer("moon#0", 4, 8, 0.726),
    answer("long#0", LONG.index("the Moon"), LONG.index("the Moon") + 8),
    answer("月#0", 3, 5, 0.1),
    answer("all#0", 0, 999),
)


def shown(width: int) -> str:
    result = AskResult("q", ANSWERS, SearchResult("q", "hybrid", 1.1, 1.0, HITS), "r", 2.0)
    console = Console(width=width, force_terminal=False)
    with console.capture() as captured:
        console.print(render_answers(result, width))
    return captured.get()


@pytest.mark.parametrize("width", [20, 40, 80, 140])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    lines = shown(width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert "\x1b[2J" not in shown(width)


def test_answer_is_marked_in_its_place_with_text_on_both_sides() -> None:
    text = shown(80)
    assert "… before" in text
    assert "after …" in text
    assert "the Moon" in text
    assert "73 %" in text
    assert "not calibrated" in text
    assert "long#0" in text


def test_answers_far_less_likely_than_the_first_are_not_listed() -> None:
    def kept(*sure: float | None) -> list[float | None]:
        found = tuple(Answer("x", 1.0, "p", 0, 1, one) for one in sure)
        result = AskResult("q", found, SearchResult("q", "hybrid", 1.1, 1.0, HITS), "r", 2.0)
        return [one.confidence for one in leave_out_unlikely(result).answers]

    assert kept(0.6, 0.6 * LISTED, 0.6 * LISTED - 0.01, 0.01) == [0.6, 0.6 * LISTED]
    # The first one always stays, and the rank need not follow the confidence.
    assert kept(0.02, 0.001) == [0.02]
    assert kept(0.2, 0.01, 0.5) == [0.2, 0.5]
    assert kept(None, None) == [None, None]
    assert kept() == []
