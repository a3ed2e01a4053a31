"""Candidates become numbers: what both sides found for each question is ranked by every rule, judged and counted."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import UsageError
from ..passages import Passage
from .asking import Asked
from .judging import By, choose_by, find_right, mark_answers, measure_mode
from .matching import Unusable, match_answers
from .metrics import DEPTHS, Values
from .questions import Question, QuestionSet
from .rankings import Ranked, Ranking
from .relevance import names_documents
from .rules import Best, Rule, pick_best
from .texts import Texts

#: Rankings go down to here at least, because Recall does.
LEAST_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Judge:
    """How it is told what is right."""

    by: By
    #: Whether anything of the collection is judged relevant, by its id.
    judged: bool = True
    #: Whether the judgements name documents rather than passages.
    documents: bool = False
    #: Whether what has a question's own id does not count.
    questions_are_documents: bool = False
    #: The ranks down to which something right is looked for.
    depths: tuple[int, ...] = DEPTHS
    #: How many passages are ranked at least.
    least: int = LEAST_DEPTH

    @property
    def reach(self) -> int:
        """How many passages are ranked and count."""
        return max(*self.depths, self.least)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some questions ranked by every rule."""

    rankings: Mapping[str, Sequence[Ranking]]
    #: Answers that could not be looked for, by question.
    unusable: Mapping[str, Sequence[Unusable]]
    #: Questions of which only the beginning went to BM25.
    cut: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where one rule put what is right for a question, and what it put first."""

    #: The rank of the best passage that is right, and its id; None and blank where there is none.
    right: int | None
    right_id: str
    #: Blank where nothing was found.
    first_id: str
    #: What the rule gave the passage that is right; 0 where there is none.
    right_score: float = field(default=0.0, compare=False)


class Tally:
    """Counts what is right, batch by batch; of the rules in ``kept`` the places are kept too."""

    def __init__(self, judge: Judge, kept: Collection[str] = ()):
        self.places: dict[str, list[Places]] = {rule: [] for rule in kept}
        self.unusable: dict[str, Sequence[Unusable]] = {}
        self.questions: list[Question] = []
        self.cut = 0
        self._judge = judge
        self._values: dict[str, dict[str, list[Values]]] = defaultdict(lambda: defaultdict(list))

    def add(self, batch: Batch) -> None:
        """Count one batch."""
        self.questions += [ranking.question for ranking in next(iter(batch.rankings.values()))]
        self.unusable |= batch.unusable
        self.cut += batch.cut
        for rule, rankings in batch.rankings.items():
            for metric, column in measure_rankings(rankings, self._judge).items():
                self._values[rule][metric].append(column)
            if rule in self.places:
                self.places[rule] += [find_places(ranking, self._judge) for ranking in rankings]

    def measured(self) -> dict[str, dict[str, Values]]:
        """Give a number a question, by rule and metric."""
        return {
            rule: {metric: np.concatenate(columns) for metric, columns in metrics.items()}
            for rule, metrics in self._values.items()
        }


def choose_judge(
    asked: QuestionSet, texts: Texts, by: By | None, depths: Sequence[int] = DEPTHS, least: int = LEAST_DEPTH
) -> Judge:
    """Choose how to tell what is right: by answers where there are any, unless ``by`` says otherwise.

    Judgements name documents unless one of the judged ids is that of a passage which is not a whole document.
    """
    chosen = choose_by(asked.questions)
    if by == "answers" and chosen != "answers":
        raise UsageError("The questions come without answers; say --by ids.")
    judged = list(dict.fromkeys(one for question in asked.questions for one in question.relevant))
    if by == "ids" and not judged:
        raise UsageError("The questions come without judgements; say --by answers, or name judgements with --qrels.")
    relevant = [one for question in asked.questions for one, grade in question.relevant.items() if grade > 0]
    known = texts.known(relevant)
    if (by or chosen) == "ids" and not known:
        raise UsageError(_tell_unknown(relevant))
    return Judge(
        by=by or chosen,
        judged=bool(known),
        documents=names_documents(judged, texts.get(judged)),
        questions_are_documents=asked.format == "beir",
        depths=tuple(depths),
        least=max(least, LEAST_DEPTH),
    )


def _tell_unknown(relevant: Sequence[str]) -> str:
    if not relevant:
        return "The judgements call nothing relevant; there is nothing to measure by."
    some = ", ".join(relevant[:3])
    return (
        f"None of the {len(set(relevant))} ids that are judged relevant is in the index ({some}…); "
        "name the collection that was judged, or judgements of this one."
    )


def rank_all(
    asked: Iterable[Sequence[Asked]], rules: Sequence[Rule], judge: Judge, texts: Texts, *, with_texts: bool = False
) -> Iterator[Batch]:
    """Rank questions by every rule, batch by batch; answers are looked for where the judge goes by them."""
    for some in asked:
        # The question itself may be among them, and does not count.
        reach = judge.reach + judge.questions_are_documents
        best = [{rule.name: pick_best(one.candidates, rule, reach) for rule in rules} for one in some]
        ids = [_ids(one, own) for one, own in zip(some, best, strict=True)]
        wanted = with_texts or judge.by == "answers"
        stored = texts.get(name for named in ids for name in named) if wanted else {}
        unusable: dict[str, Sequence[Unusable]] = {}
        rankings: dict[str, list[Ranking]] = {rule.name: [] for rule in rules}
        for one, own, named in zip(some, best, ids, strict=True):
            passages, wrong = _read(one.question, named, stored, judge)
            if wrong:
                unusable[one.question.id] = wrong
            for rule, found in own.items():
                rankings[rule].append(_rank(one, found, passages))
        yield Batch(rankings, unusable, sum(one.cut for one in some))


def measure_rankings(rankings: Sequence[Ranking], judge: Judge) -> dict[str, Values]:
    """Give a number a question by metric."""
    return measure_mode(
        rankings,
        judge.by,
        judged=judge.judged,
        documents=judge.documents,
        questions_are_documents=judge.questions_are_documents,
        depths=judge.depths,
        reach=judge.reach,
    )


def _ids(asked: Asked, best: Mapping[str, Best]) -> list[str]:
    """Name what any rule ranked."""
    places = np.unique(np.concatenate([found.places for found in best.values()]))
    return [asked.candidates.ids[place] for place in places.tolist()]


def _read(
    question: Question, ids: Sequence[str], stored: Mapping[str, Passage], judge: Judge
) -> tuple[dict[str, Ranked], Sequence[Unusable]]:
    """Give passages with their texts, if they were read, and say of each whether it holds an answer."""
    # A passage that was deleted since it was found has no text.
    passages = tuple(
        Ranked(one, 0.0, stored[one].title, stored[one].text) if one in stored else Ranked(one, 0.0) for one in ids
    )
    if judge.by == "ids":
        return {passage.id: passage for passage in passages}, ()
    matcher = match_answers(question)
    marked = mark_answers(Ranking(question, passages), matcher)
    return {passage.id: passage for passage in marked.passages}, matcher.unusable


def _rank(asked: Asked, best: Best, passages: Mapping[str, Ranked]) -> Ranking:
    ranked = []
    for place, score in zip(best.places.tolist(), best.scores.tolist(), strict=True):
        one = passages[asked.candidates.ids[place]]
        ranked.append(Ranked(one.id, score, one.title, one.text, one.has_answer))
    return Ranking(asked.question, tuple(ranked))


def find_places(ranking: Ranking, judge: Judge) -> Places:
    """Find what is right in a ranking, and what stands first."""
    right = find_right(ranking, judge.by, documents=judge.documents)
    ids = [passage.id for passage in ranking.passages]
    first_id = ids[0] if ids else ""
    if right is None:
        return Places(None, "", first_id)
    return Places(right, ids[right - 1], first_id, ranking.passages[right - 1].score)
