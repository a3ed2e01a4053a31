"""The curve over λ as a picture: a ``Curve`` goes in, an SVG that needs nothing else comes out.

λ runs from BM25 alone on the left towards sim alone on the right: its place is the share λ / (1 + λ) that sim has.
Colours follow the reader's light or dark mode.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

from .bootstrap import LEVEL
from .curves import Curve, share

WIDTH, HEIGHT = 760, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 96, 34, 58
_TICKS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 50.0)
#: Steps between the lines of the other axis, in points.
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
_LINES = 7
#: Labels closer than this would lie on each other.
_APART = 15.0

#: Gives where a value lies along an axis.
Place = Callable[[float], float]

#: Plain colours first, for programs that know no variables; the reader's dark mode replaces them.
STYLE = """
.chart{font:13px system-ui,sans-serif}.chart .paper{fill:#fff}.chart text{fill:#6b7687}
.chart .strong{fill:#1c2430;font-weight:600}.chart .rule{stroke:#e3e7ee}
.chart .side{stroke:#6b7687;stroke-dasharray:2 4}
.chart .band{fill:#2563c9;fill-opacity:.16}.chart .zone{fill:#c2410c;fill-opacity:.1}
.chart .line{fill:none;stroke:#2563c9;stroke-width:2.5;stroke-linejoin:round}
.chart .best{stroke:#c2410c;stroke-dasharray:5 4}.chart .dot{fill:#c2410c;stroke:#fff;stroke-width:2}
.chart .before{fill:#fff;stroke:#2563c9;stroke-width:2.5}
@media (prefers-color-scheme:dark){.chart .paper{fill:#12161d}.chart text{fill:#98a3b5}.chart .strong{fill:#e6eaf1}
.chart .rule{stroke:#2a313d}.chart .side{stroke:#98a3b5}.chart .band{fill:#6ea8ff}.chart .zone{fill:#fb923c}
.chart .line{stroke:#6ea8ff}.chart .best{stroke:#fb923c}.chart .dot{fill:#fb923c;stroke:#12161d}
.chart .before{fill:#12161d;stroke:#6ea8ff}}
""".strip().replace("\n", "")


def draw_chart(curve: Curve, title: str, *, before: float, sides: Mapping[str, float]) -> str:
    """Draw a curve with its band, the chosen λ and the one ``before``; ``sides`` are what else is good how often."""
    bottom, top, step = _span(
        [*(one.low for one in curve.means), *(one.high for one in curve.means), *sides.values()]
    )

    def x(lam: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * share(lam) / share(curve.lambdas[-1])

    def y(value: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (top - 100 * value) / (top - bottom)

    upper = [(x(lam), y(one.high)) for lam, one in zip(curve.lambdas, curve.means, strict=True)]
    lower = [(x(lam), y(one.low)) for lam, one in zip(curve.lambdas, curve.means, strict=True)]
    middle = [(x(lam), y(one.mean)) for lam, one in zip(curve.lambdas, curve.means, strict=True)]
    known = dict(zip(curve.lambdas, middle, strict=True))
    name = escape(title)
    said = f"best λ {curve.best:g}, {LEVEL:.0%} interval {curve.low:g} to {curve.high:g}"
    ends, taken = (_LEFT, WIDTH - _RIGHT), x(curve.chosen)
    parts = [
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{name}: {said}">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
        f'<text class="strong" x="{_LEFT}" y="20">{name}</text>',
        *_rules(bottom, top, step, y, ends),
        *_ticks(curve.lambdas[-1], x),
        f'<rect class="zone" x="{x(curve.low):.1f}" y="{_TOP}" width="{max(1.0, x(curve.high) - x(curve.low)):.1f}" '
        f'height="{HEIGHT - _TOP - _BOTTOM}"/>',
        *_sides(sides, y, ends),
        f'<polygon class="band" points="{_points([*upper, *reversed(lower)])}"/>',
        f'<polyline class="line" points="{_points(middle)}"/>',
        f'<line class="best" x1="{taken:.1f}" x2="{taken:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>',
        _dot("before", known[before], f"the index's λ {before:g}"),
        _dot("dot", known[curve.chosen], f"chosen λ {curve.chosen:g}"),
        _text("strong", taken + 7, HEIGHT - _BOTTOM - 9, "start", f"λ {curve.chosen:g}"),
        _text("", WIDTH - _RIGHT, HEIGHT - 10, "end", "λ: how much sim counts beside BM25"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _span(values: Sequence[float]) -> tuple[float, float, float]:
    """Give the lower and upper end of an axis in points that has round steps, and the step."""
    low, high = 100 * min(values), 100 * max(values)
    step = next((one for one in _STEPS if (high - low) / one <= _LINES), _STEPS[-1])
    bottom, top = step * (low // step), step * -(-high // step)
    return bottom, max(top, bottom + step), step


def _rules(bottom: float, top: float, step: float, y: Place, ends: tuple[float, float]) -> Iterator[str]:
    for number in range(round((top - bottom) / step) + 1):
        value = bottom + number * step
        height = y(value / 100)
        yield f'<line class="rule" x1="{ends[0]}" x2="{ends[1]}" y1="{height:.1f}" y2="{height:.1f}"/>'
        yield _text("", ends[0] - 8, height + 4, "end", f"{value:g} %" if number == 0 else f"{value:g}")


def _ticks(largest: float, x: Place) -> Iterator[str]:
    for lam in _TICKS:
        if lam <= largest:
            name = "BM25" if lam == 0 else f"{lam:g}"
            yield _text("", x(lam), HEIGHT - _BOTTOM + 20, "middle", name)


def _sides(sides: Mapping[str, float], y: Place, ends: tuple[float, float]) -> Iterator[str]:
    """Draw a line for each side alone, the labels where they do not touch."""
    above = -_APART
    for name, value in sorted(sides.items(), key=lambda side: -side[1]):
        height = y(value)
        above = max(height, above + _APART)
        yield f'<line class="side" x1="{ends[0]}" x2="{ends[1]}" y1="{height:.1f}" y2="{height:.1f}"/>'
        yield _text("", ends[1] + 6, above + 4, "start", f"{name} {100 * value:.1f}")


def _dot(kind: str, place: tuple[float, float], said: str) -> str:
    return f'<circle class="{kind}" cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="5.5"><title>{said}</title></circle>'


def _text(kind: str, x: float, y: float, anchor: str, words: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
