"""Passages a second, beside sentence-transformers' own ``encode`` in fp32: ``python -m benchmarks.encode --json``.

Both encode the same slices of 100-word passages, one after the other in changing order, because machines are noisy;
the figure to trust is the ratio within a slice. Then both rank SQuAD's sentences for its questions, by dot product
over all of them, to see what the lower precision costs.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from hybrid.encoders import Encoder, load_encoder
from hybrid.encoders.finding import find
from hybrid.encoders.machine import count_cpus, cpu_has_bf16
from hybrid.passages import Vector
from tests import corpora

#: Words of a block, as in the paper (§4.1).
WORDS = 100
TOP = 20

Encode = Callable[[Sequence[str]], Vector]


def main() -> None:
    """Measure and print a table, or JSON."""
    options = _parse_options()
    encoder = load_encoder(options.encoder, scale=options.scale, device=options.device)
    device = (options.device or "").partition(",")[0] or None
    rival = SentenceTransformer(str(find(options.encoder).passage.folder), device=device, trust_remote_code=False)
    found = {
        "encoder": encoder.pair_id,
        "precision": encoder.passages.tower.precision,
        "device": str(rival.device),
        "cpus": count_cpus(),
        "cpu_has_bf16": cpu_has_bf16(),
        **_race(encoder, rival, options),
    }
    if options.questions:
        found["top20"] = _accuracy(encoder, rival, options)
    print(json.dumps(found, indent=2) if options.json else _table(found))


def _race(encoder: Encoder, rival: SentenceTransformer, options: argparse.Namespace) -> dict[str, Any]:
    """Time both on every slice, interleaved."""
    texts = make_blocks(options.passages)
    ways: list[Encode] = [
        lambda part: encoder.encode_passages([("", text) for text in part]),
        lambda part: _theirs(rival.encode_document(list(part), show_progress_bar=False)),
    ]
    slices = [texts[start : start + options.slice] for start in range(0, len(texts), options.slice)]
    for way in ways:
        way(slices[0][:50])
    took, lowest = [], 1.0
    for number, part in enumerate(slices * options.rounds):
        _say(f"slice {number + 1} of {len(slices) * options.rounds}")
        seconds, vectors = _time_both(ways, part, first=number % 2)
        took.append(np.array(seconds) / len(part))
        lowest = min(lowest, _lowest_cosine(*vectors))
    return _summarise(np.array(took), lowest, len(texts))


def _time_both(ways: Sequence[Encode], part: Sequence[str], first: int) -> tuple[list[float], list[Vector]]:
    seconds, vectors = [0.0, 0.0], [np.empty((0, 0), np.float32)] * 2
    for place in (first, 1 - first):
        started = time.perf_counter()
        vectors[place] = ways[place](part)
        seconds[place] = time.perf_counter() - started
    return seconds, vectors


def _summarise(took: NDArray[np.float64], lowest: float, passages: int) -> dict[str, Any]:
    ours, theirs = took.T
    low, middle, high = np.percentile(theirs / ours, [25, 50, 75])
    return {
        "passages": passages,
        "passages_per_s": {
            "hybrid": round(float(1 / np.median(ours)), 1),
            "sentence_transformers_fp32": round(float(1 / np.median(theirs)), 1),
        },
        "ratio": {"p50": round(float(middle), 2), "p25": round(float(low), 2), "p75": round(float(high), 2)},
        "lowest_cosine": round(lowest, 5),
    }


def _accuracy(encoder: Encoder, rival: SentenceTransformer, options: argparse.Namespace) -> dict[str, float]:
    """Give the share of questions whose sentence is among the 20 nearest, in percent."""
    corpus = corpora.squad_sentences()
    chosen = np.random.default_rng(options.seed).choice(len(corpus.questions), options.questions, replace=False)
    asked = [corpus.questions[place] for place in chosen]
    gold = np.array([corpus.gold[place] for place in chosen])
    _say("ranking sentences")
    ours = _rank(encoder.encode_questions(asked), encoder.encode_passages([("", text) for text in corpus.passages]))
    theirs = _rank(_theirs(rival.encode_query(asked)), _theirs(rival.encode_document(list(corpus.passages))))
    shares = [100 * float(np.mean((top == gold[:, None]).any(axis=1))) for top in (ours, theirs)]
    return {
        "questions": len(asked),
        "hybrid": round(shares[0], 2),
        "sentence_transformers_fp32": round(shares[1], 2),
        "loss": round(shares[1] - shares[0], 2),
    }


def make_blocks(count: int) -> list[str]:
    """Cut real text into disjoint blocks of 100 words."""
    texts = [*corpora.squad_json("xquad.en.json").passages, *corpora.squad_json("policyqa-dev.json").passages]
    words = " ".join([*dict.fromkeys(texts), *corpora.vaswani().passages]).split()
    starts = range(0, min(len(words) - WORDS, count * WORDS), WORDS)
    return [" ".join(words[start : start + WORDS]) for start in starts]


def _rank(questions: Vector, passages: Vector) -> NDArray[np.intp]:
    return np.argpartition(-(questions @ passages.T), TOP, axis=1)[:, :TOP]


def _lowest_cosine(ours: Vector, theirs: Vector) -> float:
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / lengths).min())


def _theirs(vectors: Any) -> Vector:
    return np.asarray(vectors, dtype=np.float32)


def _table(found: dict[str, Any]) -> str:
    rates, ratio = found["passages_per_s"], found["ratio"]
    lines = [
        f"{found['encoder']} on {found['device']}, {found['cpus']} processors, {found['precision']}",
        f"  hybrid                      {rates['hybrid']:8.1f} passages/s",
        f"  sentence-transformers fp32  {rates['sentence_transformers_fp32']:8.1f} passages/s",
        f"  ratio {ratio['p50']} ({ratio['p25']} to {ratio['p75']}), lowest cosine {found['lowest_cosine']}",
    ]
    if "top20" in found:
        top = found["top20"]
        lines.append(f"  top 20: {top['hybrid']} % against {top['sentence_transformers_fp32']} %")
    return "\n".join(lines)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Passages a second, beside sentence-transformers in fp32.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--scale", type=float)
    parser.add_argument("--device", help="cpu, cuda, cuda:0,cuda:1 (the rival takes the first)")
    parser.add_argument("--passages", type=int, default=1000)
    parser.add_argument("--slice", type=int, default=250, help="passages between two changes of turn")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--questions", type=int, default=2000, help="for the accuracy; 0 leaves it out")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
