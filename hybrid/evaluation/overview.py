"""What else there is to say of questions and an index: word overlap, and answers that could not be looked for."""

from collections.abc import Sequence

from .matching import match_answers
from .measuring import Places, Tally
from .overlap import Overlap, measure_overlap
from .questions import Question
from .texts import Texts
from .validate import EXAMPLES, Fault

_AT_ONCE = 1000


def overlap_of(questions: Sequence[Question], places: Sequence[Places], texts: Texts) -> Overlap:
    """Give the word overlap of questions with the passage that judgements name, or else the best that is right."""
    pairs: list[tuple[str, str]] = []
    for start in range(0, len(questions), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        pairs += _pair(questions[some], places[some], texts)
    return measure_overlap(pairs)


def late_fault(tally: Tally) -> list[Fault]:
    """Give the answers that turned out to be unusable only while they were looked for: patterns without end."""
    found = []
    for question in tally.questions:
        known = match_answers(question).unusable if question.id in tally.unusable else ()
        late = [one for one in tally.unusable.get(question.id, ()) if one not in known]
        found += [f"{question.id}: {one.answer!r} {one.reason}" for one in late]
    return [Fault("answers that were given up", len(found), tuple(found[:EXAMPLES]))] if found else []


def _pair(questions: Sequence[Question], places: Sequence[Places], texts: Texts) -> list[tuple[str, str]]:
    named = [[one for one, grade in question.relevant.items() if grade > 0] for question in questions]
    stored = texts.get(one for ids in named for one in ids)
    chosen = [
        next((one for one in ids if one in stored), place.right_id) for ids, place in zip(named, places, strict=True)
    ]
    stored |= texts.get(one for one in chosen if one)
    return [
        (question.text, f"{stored[one].title} {stored[one].text}")
        for question, one in zip(questions, chosen, strict=True)
        if one in stored
    ]
