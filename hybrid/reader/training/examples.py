"""Files of questions to ``Example``: a question, its answers, a passage that holds one, and passages that hold none.

Two formats: DPR's JSON (``positive_ctxs``, ``hard_negative_ctxs``, ``negative_ctxs``), and SQuAD's, whose paragraphs
come with other paragraphs of their article, or with what an index finds. An answer counts wherever it stands: distant
supervision. Which passage holds an answer is decided as in the evaluation.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...engines.contract import Index
from ...errors import UsageError
from ...evaluation.formats.files import fail, read_json
from ...evaluation.matching import Matcher, TokenMatcher, match_answers
from ...evaluation.questions import Question
from ...evaluation.sources import tell_file
from ...training.dpr_json import Context, Row, begins_list, read_rows

#: Questions that go to an index together.
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Source:
    """A passage to learn from."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """A question with at least one passage that holds an answer."""

    question: str
    answers: tuple[str, ...]
    positives: tuple[Source, ...]
    negatives: tuple[Source, ...]
    #: What answers are known by where they are patterns; ``answers`` are then what these find in ``positives``.
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """What a file holds."""

    examples: tuple[Example, ...]
    #: Questions without an answer in a passage, which are left out.
    left: int


def read_examples(path: Path) -> Read:
    """Read a file in either format."""
    found = list(_read(path))
    kept = tuple(one for one in found if one.positives)
    if not kept:
        raise UsageError(f"{path} holds no question with an answer in a passage; there is nothing to learn from.")
    return Read(kept, len(found) - len(kept))


def make_matcher(example: Example) -> Matcher:
    """Give what looks for an example's answers."""
    is_pattern = bool(example.patterns)
    return match_answers(Question("", example.question, example.patterns or example.answers, is_pattern))


def spell_answers(example: Example) -> tuple[str, ...]:
    """Give an example's answers as texts: where they are patterns, what these find in the right passages."""
    if not example.patterns:
        return example.answers
    from ...evaluation.patterns import PatternMatcher

    matcher = PatternMatcher(example.patterns)
    return tuple(dict.fromkeys(text for one in example.positives for text in matcher.find(one.text)))


def retrieve_negatives(index: Index, examples: Sequence[Example], k: int) -> Iterator[Example]:
    """Give examples whose other passages are what an index finds for their question, without an answer in it."""
    for start in range(0, len(examples), _BATCH):
        some = examples[start : start + _BATCH]
        for example, result in zip(some, index.search_many([one.question for one in some], k=k), strict=True):
            matcher = make_matcher(example)
            hits = (Source(hit.title, hit.text) for hit in result.hits if not matcher.matches(hit.text))
            yield replace(example, negatives=tuple(hits))


def _read(path: Path) -> Iterator[Example]:
    format_ = "json" if begins_list(path) else tell_file(path)
    if format_ in ("json", "jsonl"):
        return map(_make_example, read_rows(path))
    content = read_json(path) if format_ == "squad" else None
    if not isinstance(content, dict) or not isinstance(content.get("data"), list):
        raise UsageError(f"{path} is neither DPR's JSON (rows of questions) nor SQuAD's (an object with data).")
    return _read_squad(path, content["data"])


def _make_example(row: Row) -> Example:
    known = Example(row.question, row.answers, (), (), row.answers if row.patterns else ())
    matcher = make_matcher(known)
    positives = (one for one in row.positives if matcher.matches(one.text))
    negatives = (one for one in (*row.hard_negatives, *row.negatives) if not matcher.matches(one.text))
    example = replace(known, positives=_to_sources(positives), negatives=_to_sources(negatives))
    return replace(example, answers=spell_answers(example))


def _to_sources(contexts: Iterable[Context]) -> tuple[Source, ...]:
    return tuple(Source(one.title, one.text) for one in contexts)


def _read_squad(path: Path, articles: Sequence[Any]) -> Iterator[Example]:
    for number, article in enumerate(articles):
        try:
            title = str(article.get("title", "")).replace("_", " ")
            sources = [Source(title, paragraph["context"]) for paragraph in article["paragraphs"]]
            for place, paragraph in enumerate(article["paragraphs"]):
                others = (*sources[place + 1 :], *sources[:place])
                yield from (_read_question(qa, sources[place], others) for qa in paragraph["qas"])
        except (AttributeError, KeyError, TypeError) as error:
            fail(path, f"data[{number}]", f"not as in SQuAD: {error}")


def _read_question(qa: Mapping[str, Any], own: Source, others: Sequence[Source]) -> Example:
    answers = tuple(dict.fromkeys(answer["text"] for answer in qa.get("answers") or ()))
    matcher = TokenMatcher(answers)
    negatives = tuple(one for one in others if not matcher.matches(one.text))
    return Example(qa["question"].strip(), answers, (own,) if matcher.matches(own.text) else (), negatives)
