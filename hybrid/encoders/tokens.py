"""Text in, token ids out: prompt, template, quotes, case and truncation; special tokens stay when a text is cut.

Runs on the ``tokenizers`` library alone, so that any way of computing vectors can stand behind it.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..towers import Tower
from .checkpoints import Checkpoint
from .files import read_optional

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ids = NDArray[np.int32]
#: A title, which may be blank, and a text.
Pair = tuple[str, str]

#: Texts that go to the tokenizer at once; it has threads of its own.
_SLICE = 1024
#: Models whose tokenizer is fully told by a vocabulary.
_WORDPIECE = frozenset({"bert", "dpr"})


class Tokens:
    """The tokenizer of one tower, opened when it is first needed; ``checkpoint`` is what the tower is made of."""

    def __init__(self, checkpoint: Checkpoint, tower: Tower):
        self.checkpoint = checkpoint
        self._tower = tower
        self._tokenizer: Tokenizer | None = None
        #: Stands in for a text that has no token at all.
        self._blank = int(checkpoint.config.get("pad_token_id") or 0)

    def open(self) -> "Tokenizer":
        """Open the tokenizer now, so that what is wrong with it shows before any work is done."""
        if self._tokenizer is None:
            tokenizer = open_tokenizer(self.checkpoint)
            tokenizer.no_padding()
            tokenizer.enable_truncation(self._tower.max_length, strategy="longest_first")
            self._tokenizer = tokenizer
        return self._tokenizer

    def read(self, pairs: Sequence[Pair]) -> list[Ids]:
        """Give the token ids of passages, or of questions, whose title is blank."""
        inputs = [render(self._tower, title, text) for title, text in pairs]
        slices = [inputs[start : start + _SLICE] for start in range(0, len(inputs), _SLICE)]
        return [ids for one in slices for ids in self._encode(one)]

    def count_cut(self, pairs: Sequence[Pair]) -> int:
        """Count the passages that are longer than the tower reads."""
        inputs = [_mend(render(self._tower, title, text)) for title, text in pairs]
        return sum(bool(one.overflowing) for one in self.open().encode_batch_fast(inputs))

    def _encode(self, inputs: list[str | Pair]) -> Iterator[Ids]:
        tokenizer = self.open()
        try:
            encoded = tokenizer.encode_batch_fast(inputs)
        except TypeError:
            # Half of a surrogate pair is no character; whatever else is in the text still counts.
            encoded = tokenizer.encode_batch_fast([_mend(one) for one in inputs])
        for one in encoded:
            yield np.array(one.ids or [self._blank], dtype=np.int32)


def render(tower: Tower, title: str, text: str) -> str | Pair:
    """Write one input as the tower was trained to read it; a pair is joined by the tokenizer's own separator."""
    if tower.straight_quotes:
        title, text = title.replace("’", "'"), text.replace("’", "'")
    if not title.strip() or tower.template == "text":
        return tower.prompt + text
    if tower.template == "title text":
        return f"{tower.prompt}{title} {text}"
    return tower.prompt + title, text


def is_lowercase(checkpoint: Checkpoint) -> bool:
    """Tell whether upper and lower case are the same to a model."""
    content = read_optional(checkpoint.folder / "tokenizer.json")
    if content:
        return checkpoint.lowercase or _lowers(content.get("normalizer"))
    return bool(read_optional(checkpoint.folder / "tokenizer_config.json").get("do_lower_case", True))


def _lowers(normalizer: dict[str, Any] | None) -> bool:
    if not normalizer:
        return False
    inner = normalizer.get("normalizers") or ()
    return normalizer.get("type") == "Lowercase" or bool(normalizer.get("lowercase")) or any(map(_lowers, inner))


def open_tokenizer(checkpoint: Checkpoint) -> "Tokenizer":
    """Open the tokenizer of a model as its files describe it."""
    from tokenizers import Tokenizer
    from tokenizers.normalizers import Lowercase, Sequence

    path = checkpoint.folder / "tokenizer.json"
    if not path.is_file():
        return _from_vocabulary(checkpoint)
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(f"{path} cannot be read: {error}") from error
    if checkpoint.lowercase:
        inner = [tokenizer.normalizer] if tokenizer.normalizer else []
        tokenizer.normalizer = Sequence([Lowercase(), *inner])
    return tokenizer


def _from_vocabulary(checkpoint: Checkpoint) -> "Tokenizer":
    from tokenizers import BertWordPieceTokenizer, Tokenizer

    path = checkpoint.folder / "vocab.txt"
    if not path.is_file() or checkpoint.config.get("model_type") not in _WORDPIECE:
        raise ModelError(f"There is no tokenizer.json in {checkpoint.folder}; save the model anew with transformers.")
    wordpiece = BertWordPieceTokenizer(str(path), lowercase=is_lowercase(checkpoint))
    return Tokenizer.from_str(wordpiece.to_str())


def _mend(one: str | Pair) -> str | Pair:
    if isinstance(one, str):
        return one.encode("utf-8", "replace").decode()
    return one[0].encode("utf-8", "replace").decode(), one[1].encode("utf-8", "replace").decode()
