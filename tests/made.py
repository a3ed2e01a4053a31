"""A made-up corpus: seeded, small, and full of what goes wrong in rankings.

Words follow Zipf's law and come inflected, among stop words; lengths run from none to several hundred terms, so that
Lucene's rounded lengths matter; some passages are equal, some hold stop words only.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hybrid import Passage

SEED = 20201116
DIMENSION = 8
PASSAGES = 600

_SYLLABLES = ("ba", "do", "ke", "li", "mo", "nu", "pra", "sto", "tri", "ve")
_ENDINGS = ("", "s", "ing", "ed")
_STOP_WORDS = ("the", "of", "and", "to", "is", "in")
_LENGTHS = (1, 5, 23, 24, 25, 39, 40, 41, 60, 120, 350)


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """Passages, questions and the vectors of both."""

    passages: tuple[Passage, ...]
    questions: tuple[str, ...]
    question_vectors: NDArray[np.float32]


@cache
def make_corpus(missing: int = 0) -> Made:
    """Give the corpus with ``missing`` percent of its vectors taken away; all else stays as it is."""
    rng = np.random.default_rng(SEED)
    words = _make_words(rng)
    passages = [_make_passage(number, words, rng) for number in range(PASSAGES)]
    # Equal passages, far from each other in id and place.
    passages += [_copy(passages[number], f"copy-{number}") for number in range(0, 60, 3)]
    passages += [Passage(f"stop-{number}", "the of and", vector=_vector(rng)) for number in range(5)]
    dropped = set(rng.permutation(len(passages))[: len(passages) * missing // 100].tolist())
    kept = tuple(_drop(one) if row in dropped else one for row, one in enumerate(passages))
    questions = (
        " ".join(words[:3]),
        f"what is the {words[40]} of {words[7]} and {words[90]}?",
        f"{words[5]}ing {words[5]} {words[5]} {words[11]}",
        " ".join(words[20:60:2]),
        f"{words[-1]} zzyzx",
        "zzyzx qwghlm",
        "the of and",
    )
    vectors = np.stack([_vector(rng) for _ in questions])
    return Made(kept, questions, vectors)


def _make_words(rng: np.random.Generator) -> list[str]:
    made = ("".join(rng.choice(_SYLLABLES, size=3)) + rng.choice(("x", "rt", "mp", "nd")) for _ in range(400))
    return list(dict.fromkeys(made))[:150]


def _make_passage(number: int, words: list[str], rng: np.random.Generator) -> Passage:
    length = int(rng.choice(_LENGTHS))
    chances = 1 / np.arange(2, len(words) + 2)
    drawn = rng.choice(words, size=length, p=chances / chances.sum())
    text = " ".join(np.char.add(drawn, rng.choice(_ENDINGS, size=length)))
    stops = " ".join(rng.choice(_STOP_WORDS, size=3))
    return Passage(
        id=f"p{number}",
        text=f"{stops} {text}.",
        title=str(rng.choice(words)).title() if number % 2 else "",
        meta={"part": number % 3},
        vector=_vector(rng),
    )


def _vector(rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.normal(size=DIMENSION).astype(np.float32)


def _copy(passage: Passage, name: str) -> Passage:
    return Passage(name, passage.text, title=passage.title, meta=passage.meta, vector=passage.vector)


def _drop(passage: Passage) -> Passage:
    return Passage(passage.id, passage.text, title=passage.title, meta=passage.meta)
