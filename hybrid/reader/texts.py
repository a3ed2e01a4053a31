"""Text to tokens that know their place: a ``Text`` has ids, places in characters, and which tokens form a word."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..encoders.tokens import Ids
from .spans import Span

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Places = NDArray[np.int64]

#: Texts that go to the tokenizer at once; it has threads of its own.
_SLICE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A text and its tokens."""

    text: str
    ids: Ids
    #: Where each token begins and ends, in characters.
    starts: Places
    ends: Places
    #: The number of the word that each token belongs to.
    words: Places

    def locate(self, span: Span, first: int = 0) -> tuple[int, int]:
        """Give where a span stands in the text, in characters: whole words, without space around them.

        The span's tokens are counted from the text's token ``first``.
        """
        first, last = first + span.first, first + span.last
        while first > 0 and self.words[first - 1] == self.words[first]:
            first -= 1
        while last + 1 < len(self.words) and self.words[last + 1] == self.words[last]:
            last += 1
        return _tidy(self.text, int(self.starts[first]), int(self.ends[last]))


def read_texts(tokenizer: "Tokenizer", texts: Sequence[str]) -> Iterator[Text]:
    """Tokenise texts without the tokens that models add; a name of such a token in a text is plain text."""
    for start in range(0, len(texts), _SLICE):
        some = [_mend(text) for text in texts[start : start + _SLICE]]
        for text, encoded in zip(some, tokenizer.encode_batch(some, add_special_tokens=False), strict=True):
            yield _make(text, encoded)


def _make(text: str, encoded: Any) -> Text:
    places = np.array(encoded.offsets, dtype=np.int64).reshape(-1, 2)
    words = np.array([-1 if word is None else word for word in encoded.word_ids], dtype=np.int64)
    return Text(text, np.array(encoded.ids, dtype=np.int32), places[:, 0], places[:, 1], words)


def _tidy(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out space at both ends, and take in marks that belong to the last letter."""
    while end < len(text) and unicodedata.category(text[end]).startswith("M"):
        end += 1
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _mend(text: str) -> str:
    """Put a question mark where half of a surrogate pair stands, which is no character; every place stays."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
