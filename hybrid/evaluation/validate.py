"""What is wrong with a data set? Questions go in, and a collection if there is one; counts and examples come out."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from .matching import Matcher, match_answers
from .presence import find_present
from .questions import Question, QuestionSet
from .tokens import NO_TOKENS, cut

#: How many examples are shown of each fault.
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong, how often, and where for example."""

    name: str
    count: int
    examples: tuple[str, ...]


def find_faults(
    asked: QuestionSet, *, known_ids: Collection[str] | None = None, passages: Iterable[str] | None = None
) -> list[Fault]:
    """Give what is wrong with a data set, nothing that is not.

    ``known_ids`` are all that judgements may name, passages or documents; ``passages`` are the texts of the whole
    collection, read once.
    """
    matchers = [match_answers(question) for question in asked.questions]
    found = {
        "empty questions": _empty(asked.questions),
        "ids that come twice": _repeated(question.id for question in asked.questions),
        "questions that come twice": _repeated(" ".join(one.text.split()) for one in asked.questions if one.text),
        "questions with neither answers nor relevant passages": _unanswered(asked.questions),
        "questions without answers, where others have some": _bare(asked.questions),
        "answers that cannot be looked for": _unusable(asked.questions, matchers),
        "questions left out because they are not judged": list(asked.unjudged),
        "judged questions that the data set lacks": list(asked.unasked),
    }
    if known_ids is not None:
        found["relevant ids that the collection lacks"] = _unknown(asked.questions, known_ids)
    if passages is not None:
        found["questions whose answers stand in no passage"] = _absent(asked.questions, matchers, passages)
    return [Fault(name, len(where), tuple(where[:EXAMPLES])) for name, where in found.items() if where]


def _empty(questions: Sequence[Question]) -> list[str]:
    return [question.id for question in questions if cut(question.text) == NO_TOKENS]


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _unanswered(questions: Sequence[Question]) -> list[str]:
    return [one.id for one in questions if not one.answers and not any(grade > 0 for grade in one.relevant.values())]


def _bare(questions: Sequence[Question]) -> list[str]:
    bare = [question.id for question in questions if not question.answers]
    return bare if len(bare) < len(questions) else []


def _unusable(questions: Sequence[Question], matchers: Sequence[Matcher]) -> list[str]:
    return [
        f"{question.id}: {unusable.answer!r} {unusable.reason}"
        for question, matcher in zip(questions, matchers, strict=True)
        for unusable in matcher.unusable
    ]


def _unknown(questions: Sequence[Question], known_ids: Collection[str]) -> list[str]:
    known = known_ids if isinstance(known_ids, set | frozenset) else set(known_ids)
    return [
        f"{question.id}: {one}"
        for question in questions
        for one, grade in question.relevant.items()
        if grade > 0 and one not in known
    ]


def _absent(questions: Sequence[Question], matchers: Sequence[Matcher], passages: Iterable[str]) -> list[str]:
    wanted = [place for place, question in enumerate(questions) if question.answers]
    present = find_present([matchers[place] for place in wanted], passages)
    return [questions[place].id for number, place in enumerate(wanted) if number not in present]
