"""Answers for a person's eyes: each with its confidence, and marked in the piece of its passage where it stands.

Pure: a result and a width in, what ``rich`` prints out.
"""

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.text import Text

from ..passages import Hit
from ..reader.answers import Answer, AskResult
from .hits import shorten_cells
from .output import flatten

_INDENT = 4
#: Lines of a passage around an answer.
_LINES = 3
#: Characters on either side of an answer that are looked at.
_LOOKED_AT = 1000
NOT_CALIBRATED = "not calibrated"


def render_answers(result: AskResult, width: int) -> RenderableType:
    """Give a list of answers: text and confidence, where it comes from, and its place in there."""
    hits = {hit.id: hit for hit in result.hits}
    return Group(
        *(
            line
            for rank, one in enumerate(result.answers, 1)
            for line in _render(rank, one, hits[one.passage_id], width)
        )
    )


def describe_confidence(answer: Answer) -> str:
    """Say how sure a reader is of an answer."""
    return NOT_CALIBRATED if answer.confidence is None else f"{100 * answer.confidence:.0f} %"


def _render(rank: int, answer: Answer, hit: Hit, width: int) -> list[Text]:
    inner = max(width - _INDENT, 1)
    sure = describe_confidence(answer)
    room = max(inner - cell_len(sure) - 1, 1)
    head = Text.assemble(
        (f"{rank:>{_INDENT - 2}}  ", "dim"), (shorten_cells(flatten(answer.text), room), "bold green")
    )
    head.append(" " * max(width - head.cell_len - cell_len(sure), 1)).append(sure, style="dim")
    title = shorten_cells(flatten(hit.title), inner)
    place = Text(title, style="bold").append("  " if title else "")
    place.append(shorten_cells(flatten(hit.id), max(inner - place.cell_len, 0)), style="dim not bold")
    lines = [place, *_write_place(answer, hit.text, inner)]
    return [head, *(Text(" " * _INDENT) + line for line in lines), Text()]


def _write_place(answer: Answer, text: str, width: int) -> list[Text]:
    """Give the piece of a passage around an answer, the answer marked."""
    before = flatten(text[max(answer.start - _LOOKED_AT, 0) : answer.start] + "|")[:-1]
    after = flatten("|" + text[answer.end : answer.end + _LOOKED_AT])[1:]
    marked = shorten_cells(flatten(answer.text), _LINES * (width - 8))
    # Some room stays free at the end of each line, where the next word is too long, and for the dots.
    room = max(_LINES * (width - 8) - cell_len(marked), 0)
    left = _cut_left(before, max(room // 2, room - cell_len(after)))
    right = _cut_right(after, room - cell_len(left))
    piece = Text.assemble(
        "… " if len(left) < len(before) or answer.start > _LOOKED_AT else "",
        left,
        (marked, "bold yellow"),
        right,
        " …" if len(right) < len(after) or answer.end + _LOOKED_AT < len(text) else "",
    )
    lines = piece.wrap(Console(width=width), width)
    for line in lines:
        line.rstrip()
    return list(lines)


def _cut_left(text: str, cells: int) -> str:
    """Give the end of a text, in whole words."""
    if cell_len(text) <= cells:
        return text
    kept = set_cell_size(text[::-1], cells)[::-1] if cells else ""
    return kept[kept.find(" ") + 1 :] if " " in kept else ""


def _cut_right(text: str, cells: int) -> str:
    """Give the beginning of a text, in whole words."""
    if cell_len(text) <= cells:
        return text
    kept = set_cell_size(text, cells) if cells > 0 else ""
    return kept[: kept.rfind(" ")] if " " in kept else ""
