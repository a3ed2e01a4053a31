"""Question, title and text to what a model reads: one ``Window``, or several that overlap where a text is long.

DPR's readers read ``[CLS] question [SEP] title [SEP] text`` without a last ``[SEP]`` and with token types 0. Models
for question answering read what their tokenizer makes of question and text, without a title, as they were trained.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..encoders.tokens import Ids
from ..errors import ModelError
from .texts import Text

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Tokens that a window shares with the one before it: many times what an answer has.
OVERLAP = 64
#: Parts of a window that a question and a title may take at most.
_QUESTION_PART, _TITLE_PART = 4, 8


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The tokens that a model wants around its input."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    #: What stands behind a title; None for models that read no title.
    title_end: tuple[int, ...] | None
    #: Whether tokens behind the question are of type 1.
    has_types: bool


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One input of a model."""

    #: Which passage it shows.
    passage: int
    ids: Ids
    #: Where the text begins in ``ids``, and how many of its tokens are there.
    begin: int
    size: int
    #: Which of the text's tokens is the first.
    first: int


def read_frame(tokenizer: "Tokenizer", *, reads_title: bool) -> Frame:
    """Find out what a tokenizer puts around a pair; its limits and padding must be off."""
    encoded = tokenizer.encode("a", "b")
    parts = encoded.sequence_ids
    if 0 not in parts or 1 not in parts or parts[0] is not None:
        raise ModelError("The tokenizer of this reader does not begin a pair with a token of its own.")
    places = [[place for place, part in enumerate(parts) if part == side] for side in (0, 1)]
    (start, end), (second, last) = ((found[0], found[-1] + 1) for found in places)
    between = tuple(encoded.ids[end:second])
    return Frame(
        before=tuple(encoded.ids[:start]),
        between=between,
        after=() if reads_title else tuple(encoded.ids[last:]),
        title_end=between if reads_title else None,
        has_types=not reads_title and encoded.type_ids[second] == 1,
    )


def cut_windows(frame: Frame, question: Text, title: Text, text: Text, passage: int, length: int) -> Iterator[Window]:
    """Give the windows of one passage, none longer than ``length``; a text without tokens has none."""
    head = [*frame.before, *question.ids[: length // _QUESTION_PART].tolist(), *frame.between]
    if frame.title_end is not None:
        head += [*title.ids[: length // _TITLE_PART].tolist(), *frame.title_end]
    room = length - len(head) - len(frame.after)
    step = room - min(OVERLAP, room // 2)
    for first in range(0, max(len(text.ids) - (room - step), 1), step):
        part = text.ids[first : first + room]
        if len(part):
            ids = np.concatenate([np.array(head, np.int32), part, np.array(frame.after, np.int32)])
            yield Window(passage, ids, len(head), len(part), first)
