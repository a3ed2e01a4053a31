"""An example to what a model learns from: windows of its passages, and where answers stand in the right one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...encoders.tokens import Ids
from ..texts import Text, read_texts
from ..windows import Frame, Window, cut_windows
from .examples import Example, Source

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Where an answer stands in an input: its first and its last token.
Place = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """What the model reads of a passage."""

    ids: Ids
    #: Where the passage's text begins and ends in it.
    begin: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """One question: the passage that holds an answer first, then passages that hold none."""

    inputs: tuple[Input, ...]
    places: tuple[Place, ...]


class Inputs:
    """Makes groups of examples, each the same way whenever it is asked with the same numbers."""

    def __init__(self, tokenizer: "Tokenizer", frame: Frame, length: int, passages: int):
        self._tokenizer, self._frame = tokenizer, frame
        self._length, self._passages = length, passages

    def make(self, example: Example, rng: np.random.Generator) -> Group | None:
        """Choose passages at random; None where no answer is made of whole words of the positive one."""
        positive = example.positives[int(rng.integers(len(example.positives)))]
        order = rng.permutation(len(example.negatives))[: self._passages - 1]
        question, *answers = read_texts(self._tokenizer, [example.question, *example.answers])
        windows = list(self._cut(question, positive))
        text = windows[0][0] if windows else None
        for _, window in windows:
            places = [
                (first - window.first + window.begin, last - window.first + window.begin)
                for first, last in find_answers(text, answers)
                if window.first <= first and last < window.first + window.size
            ]
            if places:
                others = (next(self._cut(question, example.negatives[number]), None) for number in order)
                inputs = [window, *(one[1] for one in others if one is not None)]
                return Group(tuple(_bound(one) for one in inputs), tuple(places))
        return None

    def _cut(self, question: Text, source: Source) -> Iterator[tuple[Text, Window]]:
        title, text = read_texts(self._tokenizer, [source.title, source.text])
        for window in cut_windows(self._frame, question, title, text, 0, self._length):
            yield text, window


def find_answers(text: Text | None, answers: Sequence[Text]) -> list[Place]:
    """Give every place where an answer's tokens stand one after the other in a text, as whole words."""
    if text is None:
        return []
    found = set()
    for answer in answers:
        size = len(answer.ids)
        if not 0 < size <= len(text.ids):
            continue
        blocks = np.lib.stride_tricks.sliding_window_view(text.ids, size)
        for first in np.nonzero((blocks == answer.ids).all(axis=1))[0].tolist():
            if _is_whole(text, first, first + size - 1):
                found.add((first, first + size - 1))
    return sorted(found)


def _is_whole(text: Text, first: int, last: int) -> bool:
    words = text.words
    begins = first == 0 or words[first - 1] != words[first]
    return bool(begins and (last + 1 == len(words) or words[last + 1] != words[last]))


def _bound(window: Window) -> Input:
    return Input(window.ids, window.begin, window.begin + window.size)
