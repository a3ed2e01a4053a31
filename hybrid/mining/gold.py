"""Positives that questions bring: each is looked up in the index by its id, or else by what it says.

Text that was cut or prepared in another way is found again by the runs of words that it shares with a passage. Where
a document was cut into several passages, the one around the answer is right.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from ..engines.contract import Index
from ..evaluation.overlap import share_words
from ..evaluation.questions import Question
from ..evaluation.texts import Texts
from ..passages import Passage
from ..requests import SearchOptions
from ..training.dpr_json import Context
from .likeness import covered, cut_runs, likeness, share_of_shorter
from .plan import Plan
from .positives import ABSENT, NO_ANSWER_HERE, NO_PASSAGE, WRONG_LENGTH, Found, find_fault, make_holder, to_context
from .wanted import Gold, Wanted

#: Hits among which a text is looked for.
_CANDIDATES = 20
#: Words before and behind the beginning of the answer by which a text is looked for.
_BEFORE, _BEHIND = 15, 25


def find_gold(
    index: Index, texts: Texts, some: Sequence[Wanted], plan: Plan, *, answered: bool = False
) -> list[Found]:
    """Give the positives of some questions, looked up together.

    ``answered`` says that their data set has answers: a question without any is then one that nothing answers.
    """
    stored = _read_stored(texts, {gold.id for one in some for gold in one.golds if gold.id})
    chosen = {
        (place, gold): _choose(one.question, gold, stored.get(gold.id, ()), plan)
        for place, one in enumerate(some)
        for gold in one.golds
    }
    lost = [(place, gold) for (place, gold), found in chosen.items() if found == ABSENT and gold.text]
    around = [f"{gold.title} {_around(gold, some[place].question)}" for place, gold in lost]
    options: SearchOptions = {"mode": "lexical", "k": _CANDIDATES, "depth": _CANDIDATES}
    results = index.search_many(around, [None] * len(around), **options) if around else []
    for (place, gold), result in zip(lost, results, strict=True):
        passages = [Passage(hit.id, hit.text, title=hit.title) for hit in result.hits]
        chosen[place, gold] = _choose(some[place].question, gold, passages, plan)
    return [
        _sum_up(one, {gold: chosen[place, gold] for gold in one.golds}, answered=answered)
        for place, one in enumerate(some)
    ]


def _sum_up(wanted: Wanted, chosen: Mapping[Gold, Passage | str], *, answered: bool) -> Found:
    if fault := find_fault(wanted.question, answered=answered):
        return Found(dropped=fault)
    if not chosen:
        return Found(dropped=NO_PASSAGE)
    positives: dict[str, Context] = {}
    left_out = []
    for gold, found in chosen.items():
        if isinstance(found, str):
            left_out.append((found, gold.name))
        else:
            positives.setdefault(found.id, to_context(found))
    return Found(tuple(positives.values()), "" if positives else left_out[0][0], tuple(left_out))


def _choose(question: Question, gold: Gold, candidates: Sequence[Passage], plan: Plan) -> Passage | str:
    """Give the passage that is the right one, or why none is; of equally good ones the first."""
    runs = cut_runs(gold.text) if gold.text else None
    if runs is not None:
        candidates = [one for one in candidates if share_of_shorter(runs, cut_runs(one.text)) >= plan.overlap]
    if not candidates:
        return ABSENT
    holds = make_holder(question, plan)
    right = [one for one in candidates if holds(one.text)]
    fitting = [one for one in right if plan.fits(one.text)]
    if not fitting:
        return WRONG_LENGTH if right else NO_ANSWER_HERE
    if runs is None:
        return max(fitting, key=lambda one: share_words(question.text, one.text) or 0.0)
    around = cut_runs(_around(gold, question))
    return max(fitting, key=lambda one: (covered(around, cut_runs(one.text)), likeness(runs, cut_runs(one.text))))


def _around(gold: Gold, question: Question) -> str:
    """Give the words around the answer, or the first ones where it is not known where that stands."""
    start = gold.start
    if start is None:
        places = map(partial(_find, gold.text), question.answers)
        start = next((place for place in places if place >= 0), 0)
    at = len(gold.text[:start].split())
    return " ".join(gold.text.split()[max(0, at - _BEFORE) : at + _BEHIND])


def _find(text: str, answer: str) -> int:
    return text.lower().find(answer.lower()) if answer else -1


def _read_stored(texts: Texts, ids: Iterable[str]) -> dict[str, tuple[Passage, ...]]:
    """Give the passages that each id names: itself, or all that were cut from that document."""
    wanted = set(ids)
    found: dict[str, tuple[Passage, ...]] = {name: (passage,) for name, passage in texts.get(sorted(wanted)).items()}
    first = texts.get(f"{name}#0" for name in sorted(wanted - found.keys()))
    others = texts.get(
        f"{_document(name)}#{number}"
        for name, passage in first.items()
        for number in range(1, passage.passages_total)
    )
    for name, passage in first.items():
        found[_document(name)] = tuple(_blocks(_document(name), passage, others))
    return found


def _blocks(document: str, first: Passage, others: Mapping[str, Passage]) -> Iterator[Passage]:
    yield first
    for number in range(1, first.passages_total):
        if (passage := others.get(f"{document}#{number}")) is not None:
            yield passage


def _document(name: str) -> str:
    return name.removesuffix("#0")
