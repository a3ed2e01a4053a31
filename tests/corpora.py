"""Real passages and questions for tests and figures, read from a folder of data sets that is not part of the project.

``HYBRID_TEST_DATA`` names the folder; without it ``shared/data`` beside the checkout is taken. Whatever is absent is
skipped by the tests that want it.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("HYBRID_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Passages, and questions whose answer stands in the passage of the same place in ``gold``."""

    passages: tuple[str, ...]
    titles: tuple[str, ...]
    questions: tuple[str, ...]
    gold: tuple[int, ...]


def have(name: str) -> bool:
    """Tell whether a data set is there."""
    return (DATA / name).exists()


def squad_sentences() -> Corpus:
    """Give 6,795 distinct sentences and 10,570 questions, each about one of them."""
    folder = DATA / "squad-sentences"
    lines = (folder / "passages.txt").read_text(encoding="utf-8").splitlines()
    questions = (folder / "questions.txt").read_text(encoding="utf-8").splitlines()
    place = {line: number for number, line in enumerate(dict.fromkeys(lines))}
    return Corpus(tuple(place), ("",) * len(place), tuple(questions), tuple(place[line] for line in lines))


def squad_json(name: str) -> Corpus:
    """Give the paragraphs and questions of a file in SQuAD's format."""
    articles: list[dict[str, Any]] = json.loads((DATA / name).read_text(encoding="utf-8"))["data"]
    paragraphs = [(article["title"], paragraph) for article in articles for paragraph in article["paragraphs"]]
    asked = [(qa["question"], place) for place, (_, paragraph) in enumerate(paragraphs) for qa in paragraph["qas"]]
    return Corpus(
        passages=tuple(paragraph["context"] for _, paragraph in paragraphs),
        titles=tuple(title for title, _ in paragraphs),
        questions=tuple(question for question, _ in asked),
        gold=tuple(place for _, place in asked),
    )


def vaswani() -> Corpus:
    """Give 11,429 abstracts; their questions come with judgements in a file of their own."""
    text = (DATA / "vaswani" / "doc-text.trec").read_text(encoding="utf-8")
    passages = tuple(" ".join(found.split()) for found in re.findall(r"</DOCNO>(.*?)</DOC>", text, re.DOTALL))
    return Corpus(passages, ("",) * len(passages), (), ())


def mixed() -> Corpus:
    """Give all of them as one corpus of about 19,000 passages."""
    whole = Corpus((), (), (), ())
    for part in (squad_sentences(), squad_json("xquad.en.json"), squad_json("policyqa-dev.json"), vaswani()):
        whole = _join(whole, part)
    return whole


def _join(first: Corpus, second: Corpus) -> Corpus:
    return Corpus(
        passages=first.passages + second.passages,
        titles=first.titles + second.titles,
        questions=first.questions + second.questions,
        gold=first.gold + tuple(place + len(first.passages) for place in second.gold),
    )
