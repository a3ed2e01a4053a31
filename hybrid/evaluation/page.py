"""A tuning as one page of HTML that needs nothing else: what was found goes in, a page to show around comes out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from ..profile import Profile
from .bootstrap import LEVEL, UNLIKELY, Difference, Interval
from .chart import draw_chart
from .constants import Constants
from .curves import MEAN
from .overlap import Overlap
from .rules import DENSE, HYBRID, LEXICAL
from .tuning import TUNED, Tuning
from .validate import Fault

STYLE = """
:root{color-scheme:light dark;--paper:#f6f7f9;--card:#fff;--ink:#1c2430;--soft:#6b7687;--rule:#e3e7ee;--best:#c2410c}
@media (prefers-color-scheme:dark){:root{--paper:#0c0f14;--card:#12161d;--ink:#e6eaf1;--soft:#98a3b5;--rule:#2a313d;
--best:#fb923c}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:70rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2.5rem 0 .5rem}
.soft{color:var(--soft)}p{max-width:44rem}.lead{font-size:1.15rem}.lead b{color:var(--best)}
figure{margin:1.5rem 0}svg{width:100%;height:auto;border:1px solid var(--rule);border-radius:8px}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;background:var(--card);
border:1px solid var(--rule);min-width:100%}th,td{padding:.35rem .6rem;text-align:right;white-space:nowrap;
border-top:1px solid var(--rule)}th{font-weight:600;color:var(--soft);font-size:.9rem}
th:first-child,td:first-child{text-align:left}td small{color:var(--soft);display:block;font-size:.72rem;
line-height:1.3}tr.mark td{font-weight:600}
code{font-size:.92em}
@media print{body{background:none}main{padding:0}table{font-size:.7rem}th,td{padding:.2rem .3rem}
td small{font-size:.55rem}}
""".strip().replace("\n", "")


@dataclass(frozen=True, slots=True)
class Subject:
    """What was tuned on what."""

    index: str
    questions: str
    passages: int
    #: The profile as it was when the questions were asked.
    profile: Profile
    by: str


def write_page(
    tuning: Tuning, constants: Constants | None, subject: Subject, overlap: Overlap, faults: Sequence[Fault]
) -> str:
    """Write the page."""
    body = [
        "<h1>How much should meaning count?</h1>",
        f'<p class="soft">{escape(subject.index)} · {tuning.evaluation.questions:,} questions of '
        f"{escape(subject.questions)} · {subject.passages:,} passages · {escape(subject.profile.pair_id)}</p>",
        f'<p class="lead">{_verdict(tuning, subject)}</p>',
        f"<figure>{draw_tuning(tuning, subject.profile.lam)}</figure>",
        f"<p>{_explain(tuning, subject)}</p>",
        *_section("Beside other ways to rank", _modes(tuning)),
        *_section("By how much the tuned order is better", _tests(tuning)),
        *_section("Chosen on one half, checked on the other", _halves(tuning)),
        *_section("With fewer candidates", _depths(tuning, subject)),
        *(() if constants is None else _section("BM25's k1 and b", _constants(constants, subject))),
        *_section("The questions", _questions(tuning, overlap, faults)),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>λ for {escape(subject.index)}</title><style>{STYLE}</style></head><body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def draw_tuning(tuning: Tuning, before: float) -> str:
    """Draw the curve with both sides alone; ``before`` is the index's λ."""
    modes = tuning.evaluation.modes
    sides = {name: _pick(modes[name], tuning.metric) for name in (LEXICAL, DENSE)}
    return draw_chart(tuning.curve, f"{name_metric(tuning)} by λ, %", before=before, sides=sides)


def name_metric(tuning: Tuning) -> str:
    """Name what λ was chosen by."""
    accuracies = [metric for metric in tuning.evaluation.modes[HYBRID] if metric.startswith("top")]
    return f"Mean of {', '.join(accuracies)}" if tuning.metric == MEAN else tuning.metric


def _pick(metrics: Mapping[str, Interval], metric: str) -> float:
    if metric != MEAN:
        return metrics[metric].mean
    accuracies = [one.mean for name, one in metrics.items() if name.startswith("top")]
    return sum(accuracies) / len(accuracies)


def _verdict(tuning: Tuning, subject: Subject) -> str:
    curve, now = tuning.curve, subject.profile.lam
    sure = f"with {LEVEL:.0%} confidence between {curve.low:g} and {curve.high:g}"
    best = f"the best is {curve.best:g}, {'by too few to say how sure that is' if tuning.few else sure}"
    if curve.chosen == now:
        return f"Keep <b>λ = {now:g}</b>. On these questions {best}; that another is better is not sure."
    gain = 100 * (curve.at(curve.chosen).mean - curve.at(now).mean)
    return f"Take <b>λ = {curve.chosen:g}</b> instead of {now:g}: {gain:+z.2f} points on these questions; {best}."


def _explain(tuning: Tuning, subject: Subject) -> str:
    edge = " The best may lie beyond the weights that were tried." if tuning.curve.on_edge else ""
    return (
        "Passages are ranked by BM25 + λ · sim, where every candidate has both true scores. The line is the "
        f"{escape(name_metric(tuning).lower())} in per cent of the questions, the band its {LEVEL:.0%} bootstrap "
        "interval, the shaded stretch that of the best λ. The filled mark is the λ that is chosen because it is the "
        f"most surely better than the index's λ, the open mark. What is right is told by {subject.by}.{edge}"
    )


def _modes(tuning: Tuning) -> Iterator[str]:
    modes = tuning.evaluation.modes
    metrics = list(modes[HYBRID])
    rows = ([name, *(_interval(found[metric]) for metric in metrics)] for name, found in modes.items())
    yield _table(["%", *metrics], rows, mark=TUNED)
    yield (
        f'<p class="soft">Means with {LEVEL:.0%} bootstrap intervals. {TUNED} ranks each half of the questions with '
        "the λ that was chosen on the other, so it is not flattered by the choice.</p>"
    )


def _tests(tuning: Tuning) -> Iterator[str]:
    metrics = list(tuning.evaluation.modes[HYBRID])
    found: dict[str, list[str]] = {}
    for test in tuning.evaluation.tests:
        found.setdefault(test.second, []).append(_difference(test.difference))
    yield _table(["points above", *metrics], ([name, *cells] for name, cells in found.items()))
    yield '<p class="soft">Paired, question by question; starred where chance seldom gives as much (p &lt; 0.05).</p>'


def _halves(tuning: Tuning) -> Iterator[str]:
    head = ["λ chosen on one half", "on the other half", "best there", "λ of the best", "missed"]
    rows = (
        [
            f"{check.chosen:g}",
            f"{100 * check.reached:.2f} <small>of {check.questions:,}</small>",
            f"{100 * check.best_reached:.2f}",
            f"{check.best:g}",
            f"{100 * check.missed:.2f} points",
        ]
        for check in tuning.checks
    )
    yield _table(head, rows)
    if tuning.shared:
        yield f'<p class="soft">{tuning.shared:,} passages or answers are right in both halves.</p>'
    else:
        yield '<p class="soft">No passage that is right for a question of one half is right for one of the other.</p>'


def _depths(tuning: Tuning, subject: Subject) -> Iterator[str]:
    rows = (
        [f"{one.depth:,}", f"{100 * one.mean:.2f}", _difference(one.difference), "yes" if one.enough else "no"]
        for one in tuning.depths
    )
    yield _table(["passages of each side", "%", f"against {subject.profile.depth:,}", "enough"], rows)


def _constants(constants: Constants, subject: Subject) -> Iterator[str]:
    best = (constants.best.k1, constants.best.b)
    rows = (
        [f"{one.k1:g}, {one.b:g}", f"{one.lam:g}", f"{100 * one.mean:.2f}", "best" if best == (one.k1, one.b) else ""]
        for one in sorted(constants.tried, key=lambda one: -one.mean)
    )
    yield _table(["k1, b", "λ that suits", "%", ""], rows)
    done = "All else on this page is with them." if constants.better else "The index's own were kept."
    yield (
        f"<p>On questions that they were not chosen by, the best are {_difference(constants.gain)} points from the "
        f"index's k1 {subject.profile.k1:g} and b {subject.profile.b:g}. {done}</p>"
    )


def _questions(tuning: Tuning, overlap: Overlap, faults: Sequence[Fault]) -> Iterator[str]:
    if overlap.questions:
        yield (
            f"<p>Of a question's words {overlap.mean:.0%} stand in the passage that is right, all of them for "
            f"{overlap.whole:.0%} of the questions. The more, the more BM25 finds alone.</p>"
        )
    if tuning.prior is not None:
        yield (
            "<p>A passage without a vector is expected to have sim = "
            f"{tuning.prior.a:.2f} + {tuning.prior.b:.2f} · BM25.</p>"
        )
    told = (f"<li>{fault.count:,} {escape(fault.name)}: {escape(', '.join(fault.examples))}</li>" for fault in faults)
    yield f"<ul>{''.join(told)}</ul>" if faults else "<p>Nothing is wrong with them.</p>"


def _section(title: str, content: Iterable[str]) -> Iterator[str]:
    yield f"<h2>{escape(title)}</h2>"
    yield from content


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, mark: str = "") -> str:
    """Write a table; cells are HTML, but for the first of a row."""
    lines = [
        f"<tr{' class=mark' if row[0] == mark else ''}><td>{escape(row[0])}</td>"
        + "".join(f"<td>{cell}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    ]
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f'<div class="wide"><table><thead><tr>{names}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _interval(figure: Interval) -> str:
    return f"{100 * figure.mean:.1f} <small>{100 * figure.low:.1f}–{100 * figure.high:.1f}</small>"


def _difference(figure: Difference) -> str:
    star = "*" if figure.p < UNLIKELY else ""
    return f"{100 * figure.mean:+z.1f}{star} <small>{100 * figure.low:+z.1f} to {100 * figure.high:+z.1f}</small>"
