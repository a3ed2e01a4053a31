"""Real questions with the passages that are right for them, and the two collections that they are asked of.

SQuAD's sentences are a collection of their own. XQuAD, PolicyQA and Vaswani are too small to be hard; they share one,
with those sentences that no paragraph of XQuAD holds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hybrid import Passage
from hybrid.evaluation.questions import Question
from hybrid.evaluation.sources import read_questions
from tests import corpora, vectors
from tests.corpora import Corpus

SETS = ("squad-sentences", "xquad", "policyqa", "vaswani")
COLLECTIONS = ("sentences", "company")


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Questions with their vectors, and the collection that they are asked of."""

    collection: str
    questions: tuple[Question, ...]
    vectors: NDArray[np.float32]

    def draw(self, count: int | None, seed: int) -> "Judged":
        """Give so many of the questions, at random."""
        if count is None or count >= len(self.questions):
            return self
        places = np.sort(np.random.default_rng(seed).choice(len(self.questions), count, replace=False))
        return Judged(self.collection, tuple(self.questions[place] for place in places), self.vectors[places])


def load_set(name: str) -> Judged:
    """Give one set of questions."""
    if name == "squad-sentences":
        return _judge("sentences", "s", corpora.squad_sentences())
    if name == "vaswani":
        return _judge_vaswani()
    return _judge("company", name[0], corpora.squad_json(_FILES[name]))


@cache
def load_collection(name: str) -> tuple[Passage, ...]:
    """Give the passages of a collection with their vectors."""
    sentences = corpora.squad_sentences()
    if name == "sentences":
        return _name_passages("s", sentences, range(len(sentences.passages)))
    known = "\n".join(map(_letters, corpora.squad_json(_FILES["xquad"]).passages))
    others = [place for place, text in enumerate(sentences.passages) if _letters(text) not in known]
    whole = {set_: corpora.squad_json(file) for set_, file in _FILES.items()} | {"vaswani": corpora.vaswani()}
    parts = [_name_passages(set_[0], corpus, range(len(corpus.passages))) for set_, corpus in whole.items()]
    return (*_name_passages("s", sentences, others), *(passage for part in parts for passage in part))


_FILES = {"xquad": "xquad.en.json", "policyqa": "policyqa-dev.json"}


def _judge(collection: str, prefix: str, corpus: Corpus) -> Judged:
    asked = enumerate(zip(corpus.questions, corpus.gold, strict=True))
    questions = (Question(str(number), text, relevant={f"{prefix}{gold}": 1}) for number, (text, gold) in asked)
    return Judged(collection, tuple(questions), vectors.encode_questions(corpus.questions))


def _judge_vaswani() -> Judged:
    text = (corpora.DATA / "vaswani" / "doc-text.trec").read_text(encoding="utf-8")
    places = {name: f"v{place}" for place, name in enumerate(re.findall(r"<DOCNO>\s*(\S+)\s*</DOCNO>", text))}
    questions = tuple(
        Question(one.id, one.text, relevant={places[name]: grade for name, grade in one.relevant.items()})
        for one in read_questions(corpora.DATA / "vaswani").questions
    )
    return Judged("company", questions, vectors.encode_questions([one.text for one in questions]))


def _name_passages(prefix: str, corpus: Corpus, places: Sequence[int]) -> tuple[Passage, ...]:
    encoded = _encode()[corpus.passages[0]]
    return tuple(
        Passage(f"{prefix}{place}", corpus.passages[place], title=corpus.titles[place], vector=encoded[place])
        for place in places
    )


@cache
def _encode() -> dict[str, NDArray[np.float32]]:
    """Give the vectors of each part of the mixed corpus, by the first passage of the part."""
    parts = (corpora.squad_sentences(), *map(corpora.squad_json, _FILES.values()), corpora.vaswani())
    encoded = vectors.encode_passages(corpora.mixed().passages)
    ends = np.cumsum([len(part.passages) for part in parts])
    return {part.passages[0]: rows for part, rows in zip(parts, np.split(encoded, ends[:-1]), strict=True)}


def _letters(text: str) -> str:
    """Leave the letters and digits; the sentences' brackets are spelled out."""
    return re.sub(r"[^a-z0-9]", "", text.lower().replace("-lrb-", "").replace("-rrb-", ""))
