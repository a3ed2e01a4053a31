"""Hits as a person sees them: nothing is wider than the terminal, bars tell the truth, the right words are marked."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from hybrid.cli.hits import draw_bar, draw_parts, longest_part, render_cell, render_hits, split_parts
from hybrid.cli.output import flatten, plain
from hybrid.cli.snippets import Matcher, choose_window
from hybrid.engines.local.analysis import find_analyzer
from hybrid.passages import Hit, Mode, SearchResult

TIDES = "The gravity of the Moon pulls at the oceans; so the tide rises."


def hit(rank: int = 1, bm25: float = 12.31, sim: float | None = 7.02, **more: Any) -> Hit:
    usual = {"id": f"d{rank}#0", "title": "Tides", "text": TIDES, "meta": {}, "score": bm25 + 1.1 * (sim or 0)}
    return Hit(rank=rank, bm25=bm25, sim=sim, **{**usual, **more})


def result(*hits: Hit, mode: Mode = "hybrid", lam: float = 1.1, question: str = "Which tides?") -> SearchResult:
    return SearchResult(question, mode, lam, 1.0, hits)


def lines_of(found: SearchResult, width: int = 80) -> list[str]:
    return render(found, width).splitlines()


def render(found: SearchResult, width: int, *, colour: bool = False) -> str:
    system: Any = "standard" if colour else None
    console = Console(width=width, force_terminal=colour, color_system=system, no_color=not colour)
    with console.capture() as captured:
        console.print(render_hits(found, Matcher.of(found.question, "english"), width))
    return captured.get()


def test_hit_has_title_id_score_text_and_both_parts() -> None:
    head, text, parts, blank = lines_of(result(hit(score=20.03)))
    assert re.fullmatch(r" 1  Tides  d1#0 +20\.03", head)
    assert (cell_len(head), text, blank) == (80, f"    {TIDES}", "")
    assert re.fullmatch(r"    BM25 12\.31 █+ \+ 1\.1·sim  7\.72 █+[▏▎▍▌▋▊▉]? *", parts)


def test_parts_stand_below_each_other_from_hit_to_hit() -> None:
    found = result(hit(1, 123.4, 0.5), hit(2, 0.0, 17.0), hit(3, 9.0, -2.0), hit(4, 3.0, None, sim_expected=4.0))
    parts = [line for line in lines_of(found) if "BM25" in line]
    assert len({line.index("+ 1.1·sim") for line in parts}) == 1
    assert parts[2].rstrip().endswith("+ 1.1·sim -2.20")


def test_bars_are_as_long_as_their_parts() -> None:
    found = result(hit(1, 20.0, 0.0), hit(2, 10.0, 10 / 1.1), hit(3, 5.0, 20 / 1.1))
    bars = [re.findall(r"█+", line) for line in lines_of(found, 120) if "BM25" in line]
    assert [[len(bar) for bar in one] for one in bars] == [[32], [16, 16], [8, 32]]


@given(st.floats(-10, 1e6), st.floats(1e-6, 1e6), st.integers(1, 100))
def test_bar_is_right_to_a_sixteenth_of_a_cell_and_never_too_long(value: float, longest: float, width: int) -> None:
    bar = draw_bar(value, longest, width)
    eighths = sum(8 if one == "█" else " ▏▎▍▌▋▊▉".index(one) for one in bar)
    wanted = min(max(value, 0.0) / longest, 1.0) * width
    assert len(bar) <= width
    assert abs(eighths / 8 - wanted) <= 1 / 16 + 1e-9


def test_passage_without_a_vector_says_that_its_sim_is_expected() -> None:
    found = result(hit(1, 5.0, 9.0), hit(2, 4.0, None, sim_expected=2.0))
    line = next(line for line in lines_of(found, 120) if "2.20" in line)
    assert re.search(r"\+ 1\.1·sim  2\.20 ░+ expected, no vector yet", line)
    assert "expected" not in lines_of(found, 120)[2]


@pytest.mark.parametrize(
    ("mode", "sim", "expected", "wanted"),
    [
        ("hybrid", 2.0, None, [("BM25", 3.0, True, False), ("1.1·sim", 2.2, True, False)]),
        ("hybrid", None, 1.0, [("BM25", 3.0, True, False), ("1.1·sim", 1.1, True, True)]),
        ("lexical", 2.0, None, [("BM25", 3.0, True, False), ("sim", 2.0, False, False)]),
        ("lexical", None, None, [("BM25", 3.0, True, False)]),
        ("dense", 2.0, None, [("sim", 2.0, True, False), ("BM25", 3.0, False, False)]),
    ],
)
def test_parts_are_those_of_the_mode(mode: Mode, sim: float | None, expected: float | None, wanted: Any) -> None:
    one = hit(1, 3.0, sim, sim_expected=expected)
    parts = split_parts(one, result(one, mode=mode))
    assert [(part.label, pytest.approx(part.value), part.counts, part.expected) for part in parts] == wanted


def test_narrow_terminal_puts_the_parts_below_each_other() -> None:
    lines = lines_of(result(hit()), 36)
    assert [line.strip()[:12] for line in lines[-3:-1]] == ["BM25    12.31"[:12], "1.1·sim  7.72"[:12]]


def test_matching_words_are_marked_and_no_others() -> None:
    shown = render(result(hit(title="The tidal Moon"), question="Which moons' tides?"), 80, colour=True)
    assert re.findall(r"\x1b\[1;33m([^\x1b]+)", shown) == ["Moon", "Moon", "tide"]


def test_colours_are_left_out_where_they_are_not_wanted() -> None:
    assert "\x1b" not in render(result(hit()), 80)


letters = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
any_hit = st.builds(
    hit,
    rank=st.integers(1, 1000),
    bm25=st.floats(0, 1e4),
    sim=st.none() | st.floats(-1e3, 1e3),
    title=letters,
    id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=600),
    text=st.text(st.sampled_from("ab \n\t\x1b月潮é tide\u200b"), max_size=600),
    sim_expected=st.none() | st.floats(0, 100),
)


@settings(max_examples=200)
@given(st.lists(any_hit, max_size=3), st.sampled_from(["hybrid", "lexical", "dense"]), st.integers(30, 160))
def test_nothing_is_wider_than_the_terminal_or_upsets_it(hits: list[Hit], mode: Mode, width: int) -> None:
    shown = render(result(*hits, mode=mode), width)
    assert all(cell_len(line) <= width for line in shown.splitlines())
    assert all(one.isprintable() or one == "\n" for one in shown)


def test_column_of_a_comparison_has_one_bar_for_both_parts() -> None:
    found = result(hit(1, 10.0, 10 / 1.1, score=20.0))
    assert longest_part([found]) == pytest.approx(20.0)
    console = Console(width=40, color_system=None)
    with console.capture() as captured:
        console.print(render_cell(found, found.hits[0], True, 20.0, 40))
    title, bar = captured.get().splitlines()
    assert title == "✓ Tides"
    assert bar == f"  {'█' * 28} 20.0"


# Which words match, and which piece of a text is shown


@pytest.mark.parametrize(
    ("analyzer", "question", "text", "words"),
    [
        ("english", "running tides", "He runs; the Tide ran. Running!", ["runs", "Tide", "Running"]),
        ("english", "the Moon's pull", "the moon pulls the lunar Moon's", ["moon", "pulls", "Moon's"]),
        ("english", "to be or not to be", "to be or not to be", []),
        ("standard", "running", "runs running RUNNING", ["running", "RUNNING"]),
        ("cjk", "潮汐", "月の潮汐は海", ["潮汐"]),
        ("cjk", "moon 月", "The Moon 月 満月", ["Moon", "月"]),
        ("standard", "月", "満月 moon", ["月"]),
        ("nori", "moon tides", "moons tides", ["tides"]),
    ],
)
def test_words_match_as_bm25_matches_them(analyzer: str, question: str, text: str, words: list[str]) -> None:
    found = Matcher.of(question, analyzer).find(text)
    assert [text[start:end] for start, end, _ in found] == words


english = st.text(st.sampled_from("aeoxy sing'ed.-"), max_size=60)


@given(english, english)
def test_match_is_found_only_where_bm25_counts_one(text: str, question: str) -> None:
    found = {term for _, _, term in Matcher.of(question, "english").find(text)}
    analyze = find_analyzer("english")
    assert found <= set(analyze(question)) & set(analyze(re.sub(r"[^\w']", " ", text)))


def test_window_shows_as_many_different_words_as_can_be() -> None:
    text = "moon " * 30 + "x " * 30 + "the tide and the moon " + "y " * 30
    matches = Matcher.of("moon tide", "english").find(text)
    start, end = choose_window(text, matches, 40)
    assert {"tide", "moon"} <= set(text[start:end].split())
    assert cell_len(text[start:end]) <= 40


@given(st.text(st.sampled_from("ab 月tide"), max_size=300), st.integers(1, 80))
def test_window_is_whole_words_of_the_text(raw: str, cells: int) -> None:
    text = flatten(raw)
    start, end = choose_window(text, Matcher.of("tide", "english").find(text), cells)
    assert 0 <= start <= end <= len(text)
    if cell_len(text) <= cells:
        assert (start, end) == (0, len(text))
    elif " " in text[start : start + cells]:
        assert start == 0 or text[start - 1] == " "


def test_flat_text_holds_nothing_that_steers_a_terminal() -> None:
    assert flatten("a\x1b[31m\tb\r\nc\u202ed") == "a\ufffd[31m b c\ufffdd"
    assert plain("two  spaces\tand\x07\nmore") == "two  spaces and\ufffd more"


def test_parts_keep_their_own_styles() -> None:
    one = hit()
    (line,) = draw_parts(split_parts(one, result(one)), 20.0, 76)
    assert isinstance(line, Text)
    assert line.style == ""
