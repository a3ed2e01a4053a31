"""Files of questions to ``Example``: a question, its answers, a passage that holds one, and passages that hold none.

Two formats: DPR's JSON (``positive_ctxs``, ``hard_negative_ctxs``, ``negative_ctxs``), and SQuAD's, whose paragraphs
come with other paragraphs of their article, or with what an index finds. An answer counts wherever it stands: distant
supervision. Which passage holds an answer is decided as in the evaluation.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...engines.contract import Index
from ...errors import UsageError
from ...evaluation.formats.files import fail, read_json
from ...evaluation.matching import TokenMatcher

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


def read_examples(path: Path) -> list[Example]:
    """Read a file in either format; questions without an answer in a passage are left out."""
    content = read_json(path)
    if isinstance(content, list):
        found = [_read_dpr(path, number, row) for number, row in enumerate(content)]
    elif isinstance(content, dict) and isinstance(content.get("data"), list):
        found = list(_read_squad(path, content["data"]))
    else:
        raise UsageError(f"{path} is neither DPR's JSON (a list) nor SQuAD's (an object with data).")
    examples = [one for one in found if one.positives]
    if not examples:
        raise UsageError(f"{path} holds no question with an answer in a passage; there is nothing to learn from.")
    return examples


def retrieve_negatives(index: Index, examples: Sequence[Example], k: int) -> Iterator[Example]:
    """Give examples whose other passages are what an index finds for their question, without an answer in it."""
    for start in range(0, len(examples), _BATCH):
        some = examples[start : start + _BATCH]
        for example, result in zip(some, index.search_many([one.question for one in some], k=k), strict=True):
            matcher = TokenMatcher(example.answers)
            hits = (Source(hit.title, hit.text) for hit in result.hits if not matcher.matches(hit.text))
            yield replace(example, negatives=tuple(hits))


def _read_dpr(path: Path, number: int, row: Any) -> Example:
    place = f"row {number + 1}"
    if not isinstance(row, dict) or not isinstance(row.get("question"), str):
        fail(path, place, "no text named question")
    answers = row.get("answers")
    if not isinstance(answers, list) or not all(isinstance(one, str) for one in answers):
        fail(path, place, "no list of texts named answers")
    matcher = TokenMatcher(answers)
    positives = [one for one in _read_passages(path, place, row, "positive_ctxs") if matcher.matches(one.text)]
    others = ("hard_negative_ctxs", "negative_ctxs")
    negatives = [one for name in others for one in _read_passages(path, place, row, name)]
    return Example(
        row["question"].strip(),
        tuple(answers),
        tuple(positives),
        tuple(one for one in negatives if not matcher.matches(one.text)),
    )


def _read_passages(path: Path, place: str, row: Mapping[str, Any], name: str) -> Iterator[Source]:
    for one in row.get(name) or ():
        if not isinstance(one, dict) or not isinstance(one.get("text"), str):
            fail(path, place, f"a passage of {name} without a text")
        yield Source(one.get("title") or "", one["text"])


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
