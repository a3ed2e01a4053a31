"""The sets of the reduced scale: passages, questions, and which of them are for training and for testing.

``sentences`` and ``policyqa`` are split in halves; ``vaswani`` is only tested on; ``answered`` is the part of
``sentences`` whose answers XQuAD tells, for positives that only hold the answer.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.paper.splits import Places, split
from hybrid.evaluation.matching import TokenMatcher
from hybrid.evaluation.sources import read_questions
from tests import corpora
from tests.corpora import Corpus


@dataclass(frozen=True, slots=True, eq=False)
class Set:
    """Questions of one kind, and the collection that they are asked of."""

    name: str
    passages: tuple[str, ...]
    questions: tuple[str, ...]
    #: Which passages are right for each question.
    right: tuple[frozenset[int], ...]
    train: Places
    test: Places
    #: Answers of each question, where they are known.
    answers: tuple[tuple[str, ...], ...]

    def gold(self, place: int) -> int:
        """Give a question's own passage."""
        return min(self.right[place])


def load_set(name: str) -> Set:
    """Give the set of that name."""
    return _SETS[name]()


def _sentences() -> Set:
    corpus = corpora.squad_sentences()
    return _halve("sentences", corpus, [()] * len(corpus.questions))


def _policyqa() -> Set:
    corpus = corpora.squad_json("policyqa-dev.json")
    asked = read_questions(corpora.DATA / "policyqa-dev.json").questions
    return _halve("policyqa", corpus, [question.answers for question in asked])


def _vaswani() -> Set:
    corpus = corpora.vaswani()
    text = (corpora.DATA / "vaswani" / "doc-text.trec").read_text(encoding="utf-8")
    places = {name: place for place, name in enumerate(re.findall(r"<DOCNO>\s*(\S+)\s*</DOCNO>", text))}
    asked = read_questions(corpora.DATA / "vaswani").questions
    right = [frozenset(places[name] for name, grade in one.relevant.items() if grade > 0) for one in asked]
    return Set(
        "vaswani",
        corpus.passages,
        tuple(one.text for one in asked),
        tuple(right),
        train=np.empty(0, np.int64),
        test=np.arange(len(asked)),
        answers=((),) * len(asked),
    )


def _answered() -> Set:
    """Train with the questions that XQuAD answers, test with the others of the test half about other passages."""
    whole = _sentences()
    known = {_letters(one.text): one.answers for one in read_questions(corpora.DATA / "xquad.en.json").questions}
    answers = tuple(known.get(_letters(question), ()) for question in whole.questions)
    answered = [
        place
        for place, some in enumerate(answers)
        if some and TokenMatcher(some).matches(whole.passages[whole.gold(place)])
    ]
    seen = {whole.gold(place) for place in answered}
    test = [place for place in whole.test.tolist() if whole.gold(place) not in seen]
    return Set("answered", whole.passages, whole.questions, whole.right, np.array(answered), np.array(test), answers)


def _letters(text: str) -> str:
    """Leave letters and digits; the sentences are in lower case and cut into words."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _halve(name: str, corpus: Corpus, answers: Sequence[tuple[str, ...]]) -> Set:
    train, test = split(corpus.gold, len(corpus.passages))
    right = tuple(frozenset((place,)) for place in corpus.gold)
    return Set(name, corpus.passages, corpus.questions, right, train, test, tuple(answers))


_SETS: dict[str, Callable[[], Set]] = {
    "sentences": _sentences,
    "policyqa": _policyqa,
    "vaswani": _vaswani,
    "answered": _answered,
}
