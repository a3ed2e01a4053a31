"""Table 4 at the reduced scale: exact match of the shipped reader's answers, by what found its passages.

Questions are of those articles of XQuAD that the reader was not trained on, asked of the collection that they share
with PolicyQA, Vaswani and sentences.
"""

import json
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.fusion import open_collections
from benchmarks.judged import load_set
from benchmarks.paper.figures import Run
from benchmarks.paper.retrieval import ROWS
from hybrid.evaluation.reading_metrics import EM, F1
from hybrid.passages import Mode, SearchResult
from hybrid.reader.answers import ReadOptions, ReadPassage, ReadRequest
from hybrid.reader.measuring import judge_all
from hybrid.reader.reader import AnyReader, open_reader
from tests import corpora

#: Passages that are read (the paper's best number for NQ, §6.2), and fewer.
PASSAGES, FEWER = 50, 10
_SET = "xquad"


def measure_answers(questions: int, seed: int = 0) -> Iterator[Run]:
    """Give a run for every mode, and one for dense retrieval with fewer passages."""
    places, answers = _draw(questions, seed)
    judged = load_set(_SET)
    asked = [judged.questions[place].text for place in places]
    reader = open_reader(None, bulk=True)
    with open_collections("local") as indexes:
        index = indexes[judged.collection]
        for mode, row in ROWS.items():
            named: Mode = mode  # type: ignore[assignment]
            results = index.search_many(asked, judged.vectors[places], k=PASSAGES, mode=named)
            yield _read(reader, results, answers, row, PASSAGES)
            if row == "dense":
                yield _read(reader, results, answers, f"{row}-{FEWER}", FEWER)


def _draw(count: int, seed: int) -> tuple[list[int], list[tuple[str, ...]]]:
    """Give the places of some questions of every second article, and their answers."""
    articles = json.loads((corpora.DATA / "xquad.en.json").read_text("utf-8"))["data"]
    asked = [
        (number % 2 == 1, tuple(answer["text"] for answer in qa["answers"]))
        for number, article in enumerate(articles)
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]
    held_out = [place for place, (odd, _) in enumerate(asked) if odd]
    drawn = np.random.default_rng(seed).permutation(held_out)[:count]
    places = np.sort(drawn).tolist()
    return places, [asked[place][1] for place in places]


def _read(
    reader: AnyReader, results: Sequence[SearchResult], answers: Sequence[tuple[str, ...]], row: str, passages: int
) -> Run:
    requests = [
        ReadRequest(
            result.question,
            tuple(ReadPassage(hit.id, hit.title, hit.text, hit.score) for hit in result.hits[:passages]),
            ReadOptions(answers=1),
        )
        for result in results
    ]
    judged = list(judge_all(reader, requests, answers))
    values = {f"{_SET}/{EM}": [100 * one.em for one in judged], f"{_SET}/{F1}": [100 * one.f1 for one in judged]}
    return Run(table="4", row=row, values=values)
