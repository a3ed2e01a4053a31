"""Reading: passages a second beside a plain loop, seconds of ``ask``, and answers through the whole chain.

``python -m benchmarks.reader READER --json``. The plain loop is what one writes first: fp32, one passage at a time,
padded to 350 tokens. Both read the same hits, question by question, one after the other in changing order; the figure
to trust is the ratio. ``--chain`` asks questions with known answers and judges them for every way of searching and
every number of passages read: is better retrieval a better answer? ``--calibrate`` fits confidences to such answers.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hybrid import Passage, create_index, open_index
from hybrid.encoders import load_encoder
from hybrid.encoders.backends import Means
from hybrid.encoders.machine import count_cpus, cpu_has_bf16
from hybrid.engines.contract import Index
from hybrid.passages import Mode, SearchResult
from hybrid.reader.answers import Answer, ReadOptions, ReadPassage, ReadRequest
from hybrid.reader.asking import K as ASKED_K
from hybrid.reader.calibrating import calibrate
from hybrid.reader.folders import Folder, find_reader
from hybrid.reader.measuring import Judged, average, judge
from hybrid.reader.reader import AnyReader, Reader, choose, open_frame, open_reader
from hybrid.reader.rows import read_row
from hybrid.reader.selecting import Candidate, Reading
from hybrid.reader.spans import find_spans
from hybrid.reader.texts import read_texts
from hybrid.reader.torch_readers import TorchReader, load_model
from hybrid.reader.windows import cut_windows
from hybrid.settings import Settings
from tests import corpora

PADDED = 350
K = (10, 20, 50, 100)
CHAIN_K = (1, 5, 10, 20, 50)
MODES: tuple[Mode, ...] = ("lexical", "dense", "hybrid")


def main() -> None:
    """Measure and print JSON, or a table of the same."""
    options = _parse_options()
    corpus = corpora.squad_json("xquad.en.json")
    with tempfile.TemporaryDirectory() as folder:
        index = _build(Path(folder) / "index", corpus)
        found: dict[str, Any] = {"reader": options.reader, "cpus": count_cpus(), "cpu_has_bf16": cpu_has_bf16()}
        chosen = np.random.default_rng(options.seed).choice(len(corpus.questions), options.questions, replace=False)
        questions = [corpus.questions[place] for place in chosen]
        if options.reader != "sentences":
            found["rate"] = _race(find_reader(options.reader), index.search_many(questions, k=options.k))
        reader = open_reader(None if options.reader == "sentences" else options.reader, bulk=True)
        found["ask_ms"] = _time_ask(reader, index, questions[: options.asked])
        if options.chain:
            found["chain"] = _follow_chain(reader, index, options.chain, options.odd)
        if options.calibrate and isinstance(reader, Reader):
            found["calibration"] = _calibrate(reader, index, options.calibrate, options.odd)
        index.close()
    print(json.dumps(found, indent=2) if options.json else _table(found))


def _race(folder: Folder, results: Sequence[SearchResult]) -> dict[str, Any]:
    """Time both on every question's hits, interleaved."""
    ours = Reader(folder, Means(device="cpu"), bulk=True)
    plain = Plain(folder)
    requests = [_request(result) for result in results]
    ours.read(requests[:1])
    plain.read(requests[0])
    took, same = [], []
    for number, request in enumerate(requests):
        seconds, answers = [0.0, 0.0], [[], []]  # type: tuple[list[float], list[list[Answer]]]
        for place in (number % 2, 1 - number % 2):
            started = time.perf_counter()
            answers[place] = ours.read([request])[0] if place == 0 else plain.read(request)
            seconds[place] = (time.perf_counter() - started) / max(len(request.passages), 1)
        took.append(seconds)
        same.append([one.text for one in answers[0][:1]] == [one.text for one in answers[1][:1]])
        _say(f"question {number + 1} of {len(requests)}")
    mine, theirs = np.array(took).T
    low, middle, high = np.percentile(theirs / mine, [25, 50, 75])
    return {
        "questions": len(requests),
        "passages_per_s": {
            "hybrid": round(float(1 / np.median(mine)), 1),
            "plain": round(float(1 / np.median(theirs)), 1),
        },
        "ratio": {"p50": round(float(middle), 2), "p25": round(float(low), 2), "p75": round(float(high), 2)},
        "same_answer": round(100 * float(np.mean(same)), 2),
    }


class Plain:
    """One passage at a time, in fp32, padded."""

    def __init__(self, folder: Folder):
        self._folder = folder
        self._tokenizer, self._frame = open_frame(folder)
        self._length = min(folder.max_length, PADDED)
        model = load_model(folder, "eager").eval()

        class Padded(torch.nn.Module):
            def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> Any:
                room = (0, PADDED - ids.shape[1])
                return model(torch.nn.functional.pad(ids, room), torch.nn.functional.pad(mask, room))

        self._model = TorchReader(Padded(), self._length, 0, "cpu")

    def read(self, request: ReadRequest) -> list[Answer]:
        """Give the answers to one question."""
        readings = []
        for place, passage in enumerate(request.passages):
            asked, title, text = read_texts(self._tokenizer, [request.question, passage.title, passage.text])
            for window in cut_windows(self._frame, asked, title, text, place, self._length):
                row = self._model.compute([window.ids])[0]
                relevance, starts, ends = read_row(row, window.begin, window.size)
                spans = [(*text.locate(one, window.first), one.score) for one in find_spans(starts, ends)]
                if spans:
                    readings.append(Reading(place, relevance, tuple(Candidate(*one) for one in spans)))
        return choose(request, readings, self._folder.card)


def _time_ask(reader: AnyReader, index: Index, questions: Sequence[str]) -> dict[str, dict[str, float]]:
    """Time search and reading together, model and index being open."""
    took: dict[int, list[float]] = {k: [] for k in K}
    reader.read([_request(index.search(questions[0], k=1))])
    for question in questions:
        for k in K:
            started = time.perf_counter()
            reader.read([_request(index.search(question, k=k))])
            took[k].append(1000 * (time.perf_counter() - started))
    return {
        str(k): {"p50": round(float(np.median(times)), 1), "p95": round(float(np.percentile(times, 95)), 1)}
        for k, times in took.items()
    }


def _follow_chain(reader: AnyReader, index: Index, count: int, odd: bool) -> dict[str, Any]:
    """Judge first answers by way of searching and number of passages read."""
    questions, right = _draw(count, odd)
    results = [index.search_many(questions, k=max(CHAIN_K), mode=mode) for mode in MODES]
    judged: dict[tuple[Mode, int], list[Judged]] = {(mode, k): [] for mode in MODES for k in CHAIN_K}
    for number, (found, known) in enumerate(zip(zip(*results, strict=True), right, strict=True)):
        for place, answers in _answer(reader, found).items():
            judged[place].append(judge(answers, known))
        if number % 20 == 0:
            _say(f"question {number + 1} of {len(questions)}")
    means = {place: average(some) for place, some in judged.items()}
    by_mode = {mode: {str(k): {"em": means[mode, k].em, "f1": means[mode, k].f1} for k in CHAIN_K} for mode in MODES}
    return {"questions": len(questions), "modes": by_mode}


def _calibrate(reader: Reader, index: Index, count: int, odd: bool) -> dict[str, Any]:
    """Calibrate a reader by what ``ask`` reads: half of the questions fit it, the others say how true it is."""
    questions, right = _draw(count, odd)
    requests = [_request(result) for result in index.search_many(questions, k=ASKED_K)]
    data = f"{count} questions of XQuAD, English, each with the {ASKED_K} best passages of a hybrid search"
    card = calibrate(reader, requests, right, data)
    return {"rule": card.rule, "calibration": asdict(card.calibration) if card.calibration else None}


def _draw(count: int, odd: bool) -> tuple[Sequence[str], Sequence[tuple[str, ...]]]:
    """Draw questions with their right answers."""
    asked = _known_answers(odd)
    chosen = np.random.default_rng(1).permutation(len(asked))[:count]
    questions, right = zip(*(asked[place] for place in chosen), strict=True)
    return questions, right


def _answer(reader: AnyReader, found: Sequence[SearchResult]) -> dict[tuple[Mode, int], list[Answer]]:
    """Answer one question from each way of searching and number of passages; a model reads each passage once."""
    requests = {(result.mode, k): _request(result, k) for result in found for k in CHAIN_K}
    if not isinstance(reader, Reader):
        return {place: reader.read([request])[0] for place, request in requests.items()}
    passages = list({one.id: one for request in requests.values() for one in request.passages}.values())
    readings: dict[str, list[Reading]] = {one.id: [] for one in passages}
    for reading in reader.find([ReadRequest(found[0].question, tuple(passages))])[0]:
        readings[passages[reading.passage].id].append(reading)
    return {
        place: choose(
            request,
            [replace(one, passage=at) for at, seen in enumerate(request.passages) for one in readings[seen.id]],
            reader.card,
        )
        for place, request in requests.items()
    }


def _known_answers(odd: bool) -> list[tuple[str, tuple[str, ...]]]:
    articles = json.loads((corpora.DATA / "xquad.en.json").read_text("utf-8"))["data"][
        1 if odd else 0 :: 2 if odd else 1
    ]
    return [
        (qa["question"], tuple(answer["text"] for answer in qa["answers"]))
        for article in articles
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]


def _request(result: SearchResult, k: int | None = None) -> ReadRequest:
    passages = (ReadPassage(hit.id, hit.title, hit.text, hit.score) for hit in result.hits[:k])
    return ReadRequest(result.question, tuple(passages), ReadOptions(answers=1))


def _build(folder: Path, corpus: corpora.Corpus) -> Index:
    """Index XQuAD's paragraphs."""
    encoder = load_encoder("minilm")
    pairs = [(title.replace("_", " "), text) for title, text in zip(corpus.titles, corpus.passages, strict=True)]
    _say(f"encoding {len(pairs)} passages")
    vectors = encoder.encode_passages(pairs)
    create_index(str(folder), encoder.make_profile(), settings=Settings())
    index = open_index(str(folder), settings=Settings())
    index.add(
        Passage(str(place), text, title=title, vector=vector)
        for place, ((title, text), vector) in enumerate(zip(pairs, vectors, strict=True))
    )
    return index


def _table(found: dict[str, Any]) -> str:
    lines = [f"{found['reader']}, {found['cpus']} processors"]
    if "rate" in found:
        rate = found["rate"]
        lines += [
            f"  {rate['passages_per_s']['hybrid']:8.1f} passages/s",
            f"  {rate['passages_per_s']['plain']:8.1f} passages/s in a plain loop",
            f"  ratio {rate['ratio']['p50']} ({rate['ratio']['p25']} to {rate['ratio']['p75']}), same answer to "
            f"{rate['same_answer']} % of {rate['questions']} questions",
        ]
    lines += [f"  ask, k = {k}: p50 {one['p50']} ms, p95 {one['p95']} ms" for k, one in found["ask_ms"].items()]
    for mode, by_k in found.get("chain", {}).get("modes", {}).items():
        lines.append(f"  {mode:8}" + "".join(f"  k={k}: {one['em']:.1f}/{one['f1']:.1f}" for k, one in by_k.items()))
    if "calibration" in found:
        lines.append(f"  {found['calibration']}")
    return "\n".join(lines)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Passages a second, seconds of ask, and answers through the chain.")
    parser.add_argument("reader", help="a reader's folder, or 'sentences'")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--questions", type=int, default=50, help="for the race")
    parser.add_argument("-k", type=int, default=20, help="passages of a question in the race")
    parser.add_argument("--asked", type=int, default=30, help="questions whose seconds are taken")
    parser.add_argument("--chain", type=int, default=0, metavar="N", help="judge answers to so many questions")
    parser.add_argument("--calibrate", type=int, default=0, metavar="N", help="fit confidences by so many questions")
    parser.add_argument("--odd", action="store_true", help="of every second article only: those held out of training")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
