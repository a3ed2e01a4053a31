"""Hits for a person's eyes: both parts of each score as bars, and the place in the text that speaks of the question.

Pure: hits and a width in, what ``rich`` prints out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.text import Text

from ..passages import Hit, Mode, SearchResult
from .output import flatten
from .snippets import Matcher, choose_window

#: Columns left of a title, for the rank.
_INDENT = 4
_SNIPPET_LINES = 2
#: Characters of a text in which the question's words are looked for.
_LOOKED_AT = 50_000
#: Bars that would be shorter stand one below the other.
_LEAST_BAR, _LONGEST_BAR = 6, 32
_BLOCKS = " ▏▎▍▌▋▊▉"
_FULL, _HATCH = "█", "░"
_BM25, _SIM = "cyan", "magenta"
_EXPECTED = "expected, no vector yet"


@dataclass(frozen=True, slots=True)
class Part:
    """One of the two numbers that a score is made of."""

    label: str
    value: float
    style: str
    #: Whether it counts in this ranking.
    counts: bool = True
    #: Whether it stands in for the sim of a passage without a vector.
    expected: bool = False


def render_hits(result: SearchResult, matcher: Matcher, width: int) -> RenderableType:
    """Give a list of hits: title, id and score, a piece of the text, and the parts of the score as bars."""
    longest = max((part.value for hit in result.hits for part in split_parts(hit, result)), default=0.0)
    return Group(*(line for hit in result.hits for line in _render_hit(hit, result, matcher, longest, width)))


def render_cell(result: SearchResult, hit: Hit, is_right: bool, longest: float, width: int) -> RenderableType:
    """Give a hit in a narrow column: title, mark, and both parts as one bar."""
    title = Text(f"{'✓' if is_right else ' '} {shorten_cells(flatten(hit.title or hit.text), width - 2)}")
    title.stylize("bold green" if is_right else "default")
    bar = Text("  ")
    for part in _in_order(split_parts(hit, result)):
        bar.append(draw_bar(part.value, longest, max(_LEAST_BAR, width - 12)), style=part.style)
    bar.append(f" {hit.score:.1f}", style="dim")
    return Group(title, bar)


def longest_part(results: Iterable[SearchResult]) -> float:
    """Give the longest bar of several results, so that all of them are drawn to one scale."""
    hits = ((hit, result) for result in results for hit in result.hits)
    return max((sum(max(0.0, part.value) for part in split_parts(*both)) for both in hits), default=0.0)


def split_parts(hit: Hit, result: SearchResult) -> list[Part]:
    """Give the parts of a hit's score, what it is ranked by first; a sim that nobody knows is no part."""
    mode: Mode = result.mode
    bm25 = Part("BM25", hit.bm25, _BM25, counts=mode != "dense")
    sim = hit.sim_expected if hit.sim is None else hit.sim
    if sim is None:
        return [bm25]
    if mode == "hybrid":
        return [bm25, Part(f"{result.lam:g}·sim", result.lam * sim, _SIM, expected=hit.sim is None)]
    both = [bm25, Part("sim", sim, _SIM, counts=mode == "dense", expected=hit.sim is None)]
    return both[::-1] if mode == "dense" else both


def draw_bar(value: float, longest: float, width: int) -> str:
    """Draw a value as a bar of at most ``width`` columns, to the eighth of one."""
    eighths = round(min(max(0.0, value) / longest, 1.0) * width * 8) if longest > 0 else 0
    full, rest = divmod(eighths, 8)
    return _FULL * full + (_BLOCKS[rest] if rest else "")


def draw_parts(parts: Sequence[Part], longest: float, width: int) -> list[Text]:
    """Draw the parts of a score side by side if that leaves room for bars, else one below the other."""
    label = max(len(part.label) for part in parts)
    number = max(5, *(len(f"{part.value:.2f}") for part in parts))
    taken = sum(len(part.label) + number + 2 for part in parts) + len(" + ")
    beside = min((width - taken) // 2, _LONGEST_BAR)
    if len(parts) > 1 and beside >= _LEAST_BAR:
        first, second = (_draw_part(part, longest, len(part.label), number, beside) for part in parts)
        return [Text.assemble(first, (" + " if all(part.counts for part in parts) else "   ", "dim"), second)]
    room = max(min(width - label - number - 2, _LONGEST_BAR), 1)
    return [_draw_part(part, longest, label, number, room) for part in parts]


def _render_hit(hit: Hit, result: SearchResult, matcher: Matcher, longest: float, width: int) -> list[Text]:
    inner = max(width - _INDENT, 1)
    parts = draw_parts(split_parts(hit, result), longest, inner)
    below = [*_write_snippet(hit.text, matcher, inner), *parts]
    return [_write_head(hit, matcher, width), *(Text(" " * _INDENT) + line for line in below), Text()]


def _draw_part(part: Part, longest: float, label: int, number: int, width: int) -> Text:
    """Write label, number and bar; a sim that is only expected is hatched, and says so where there is room."""
    style = part.style if part.counts else f"dim {part.style}"
    bar = draw_bar(part.value, longest, width)
    if part.expected:
        bar = _HATCH * len(bar)
        bar += f" {_EXPECTED}" if len(bar) + len(_EXPECTED) < width else ""
    return Text.assemble((f"{part.label:{label}} ", "dim"), f"{part.value:{number}.2f} ", (bar.ljust(width), style))


def _write_head(hit: Hit, matcher: Matcher, width: int) -> Text:
    """Write rank, title and id, with the score at the right edge; where room is short the id gives way."""
    score = f"{hit.score:.2f}"
    room = max(width - _INDENT - len(score) - 1, 1)
    title = Text(shorten_cells(flatten(hit.title), room), style="bold")
    _mark(title, matcher)
    left = room - title.cell_len - 2 * bool(title)
    head = Text.assemble((f"{hit.rank:>{_INDENT - 2}}  ", "dim"), title, "  " if title else "")
    head.append(shorten_cells(flatten(hit.id), left), style="dim")
    head.append(" " * max(width - head.cell_len - len(score), 1))
    return head.append(score, style="bold green")


def _write_snippet(text: str, matcher: Matcher, width: int) -> list[Text]:
    flat = flatten(text[:_LOOKED_AT])
    # Some room stays free at the end of each line, where the next word is too long, and for the dots.
    start, end = choose_window(flat, matcher.find(flat), max(_SNIPPET_LINES * (width - 8), 1))
    snippet = Text(f"{'… ' if start else ''}{flat[start:end]}{' …' if end < len(flat) else ''}")
    _mark(snippet, matcher)
    lines = snippet.wrap(Console(width=width), width)
    for line in lines:
        line.rstrip()
    return list(lines)


def _mark(text: Text, matcher: Matcher) -> None:
    for start, end, _ in matcher.find(text.plain):
        text.stylize("bold yellow", start, end)


def _in_order(parts: Sequence[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: part.style != _BM25)


def shorten_cells(text: str, cells: int) -> str:
    """Cut a text to so many cells; none is left of one for which there is no room."""
    if cell_len(text) <= cells:
        return text
    return f"{set_cell_size(text, cells - 1).rstrip()}…" if cells > 1 else ""
