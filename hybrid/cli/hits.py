"""Hits for a person's eyes: both parts of each score as bars, and the place in the text that speaks of the question.

Pure: hits and a width in, what ``rich`` prints out.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..engines.local.analysis import find_analyzer
from ..errors import UsageError
from ..passages import Hit, SearchResult

#: Whether a word of a passage is one that the question asks for.
IsAsked = Callable[[str], bool]

_BLOCKS = " ▏▎▍▌▋▊▉"
_FULL = "█"
_WORD = re.compile(r"\w[\w'’-]*")
_BM25, _SIM = "cyan", "magenta"
_LEAST_BAR = 6


def render_hits(result: SearchResult, is_asked: IsAsked, width: int) -> RenderableType:
    """Give a list of hits, each with its bars and a snippet."""
    longest = _longest_part(result)
    parts = [_render_hit(hit, result, is_asked, longest, width) for hit in result.hits]
    return Group(*parts)


def render_cell(result: SearchResult, hit: Hit, is_right: bool, longest: float, width: int) -> RenderableType:
    """Give a hit in a narrow column: title, mark, and both parts as one bar."""
    title = Text(f"{'✓' if is_right else ' '} {_shorten(hit.title or hit.text, width - 2)}")
    title.stylize("bold green" if is_right else "default")
    bm25, sim = _parts(hit, result)
    bar = Text("  ")
    bar.append(draw_bar(bm25, longest, max(_LEAST_BAR, width - 12)), style=_BM25)
    bar.append(draw_bar(sim, longest, max(_LEAST_BAR, width - 12)), style=_SIM)
    bar.append(f" {hit.score:.1f}", style="dim")
    return Group(title, bar)


def match_words(question: str, analyzer: str) -> IsAsked:
    """Give what tells the question's words in a passage, by the index's analyzer where that is known here."""
    try:
        analyze = find_analyzer(analyzer)
    except UsageError:
        analyze = _lower_words
    asked = frozenset(analyze(question))
    return lambda word: not asked.isdisjoint(analyze(word))


def draw_bar(value: float, longest: float, width: int) -> str:
    """Draw a value as a bar of at most ``width`` columns, to the eighth of one."""
    eighths = round(max(0.0, value) / longest * width * 8) if longest > 0 else 0
    full, rest = divmod(eighths, 8)
    return _FULL * full + (_BLOCKS[rest] if rest else "")


def snip(text: str, is_asked: IsAsked, length: int) -> Text:
    """Give the stretch of a text with the most asked words, these in bold."""
    flat = " ".join(text.split())
    asked = [match.span() for match in _WORD.finditer(flat) if is_asked(match.group())]
    start = _best_start(flat, asked, length)
    end = min(len(flat), start + length)
    snippet = Text(("…" if start else "") + flat[start:end] + ("…" if end < len(flat) else ""))
    shift = start - (1 if start else 0)
    for first, last in asked:
        if start <= first and last <= end:
            snippet.stylize("bold yellow", first - shift, last - shift)
    return snippet


def longest_part(results: Iterable[SearchResult]) -> float:
    """Give the longest bar of several results, so that all of them are drawn to one scale."""
    return max((_longest_sum(result) for result in results), default=0.0)


def _render_hit(hit: Hit, result: SearchResult, is_asked: IsAsked, longest: float, width: int) -> RenderableType:
    heading = Table.grid(expand=True, padding=(0, 1))
    heading.add_column(justify="right", width=3)
    heading.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    heading.add_column(justify="right", no_wrap=True)
    # An id is as long as its owner likes; the title has the right of way.
    heading.add_row(
        Text(str(hit.rank), style="bold"),
        Text(hit.title or _shorten(hit.text, width // 2), style="bold"),
        Text(_shorten(hit.id, width // 3), style="dim"),
    )
    snippet = snip(hit.text, is_asked, 2 * (width - 8))
    return Group(heading, Padding(Group(_score_line(hit, result, longest, width - 6), snippet), (0, 0, 1, 4)))


def _score_line(hit: Hit, result: SearchResult, longest: float, width: int) -> Text:
    """Write ``BM25 … + λ · sim … = score`` with a bar for each part, aligned from hit to hit."""
    bm25, sim = _parts(hit, result)
    room = max(_LEAST_BAR, (width - 46) // 2)
    line = Text()
    line.append("BM25 ", style="dim")
    line.append(f"{hit.bm25:6.2f} ")
    line.append(draw_bar(bm25, longest, room).ljust(room), style=_BM25)
    line.append(f" {result.lam:g}·sim " if result.mode == "hybrid" else "  sim ", style="dim")
    line.append(_sim_figure(hit, result), style="red" if sim < 0 else "")
    line.append(draw_bar(sim, longest, room).ljust(room), style=_SIM)
    line.append(f" = {hit.score:.2f}" if result.mode == "hybrid" else "", style="bold")
    return line


def _sim_figure(hit: Hit, result: SearchResult) -> str:
    lam = result.lam if result.mode == "hybrid" else 1.0
    if hit.sim is not None:
        return f"{lam * hit.sim:6.2f} "
    return "no vector " if hit.sim_expected is None else f"~{lam * hit.sim_expected:5.2f} "


def _parts(hit: Hit, result: SearchResult) -> tuple[float, float]:
    """Give what each side adds to the score; in a mode of one side the other's is shown as it is."""
    sim = hit.sim if hit.sim is not None else hit.sim_expected or 0.0
    return hit.bm25, sim * (result.lam if result.mode == "hybrid" else 1.0)


def _longest_part(result: SearchResult) -> float:
    return max((part for hit in result.hits for part in _parts(hit, result)), default=0.0)


def _longest_sum(result: SearchResult) -> float:
    return max((sum(max(0.0, part) for part in _parts(hit, result)) for hit in result.hits), default=0.0)


def _best_start(text: str, asked: Sequence[tuple[int, int]], length: int) -> int:
    """Give where to cut so that most asked words are seen, a little before the first of them."""
    if len(text) <= length or not asked:
        return 0
    counts = [sum(first <= start and end <= first + length for start, end in asked) for first, _ in asked]
    first, _ = asked[counts.index(max(counts))]
    wanted = max(0, min(first - length // 8, len(text) - length))
    return text.rfind(" ", 0, wanted) + 1 if wanted else 0


def _lower_words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _shorten(text: str, length: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= length else f"{flat[: max(0, length - 1)]}…"
