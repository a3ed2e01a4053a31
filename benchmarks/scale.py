"""How an encoder's similarities spread, and which sim to expect from a BM25: ``python -m benchmarks.scale --json``.

Made ``REFERENCE_SPREAD`` and checks MiniLM's ``sim_prior``: 300 questions each of SQuAD sentences and XQuAD, both
corpora in one index. MiniLM was trained on SQuAD, so its figures here are better than they would be elsewhere.
"""

import argparse
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from hybrid import IndexSpec, Passage
from hybrid.encoders import Encoder, Sample, find_scale, fit_prior, load_encoder
from hybrid.encoders.scales import SAMPLE_DEPTH, measure_spread
from hybrid.index import create_index, delete_index, open_index
from hybrid.settings import Settings
from tests import corpora
from tests.corpora import Corpus
from tests.services.discover import opensearch_service

#: Depths over which the line through (BM25, sim) is fitted.
DEPTHS = (10, 20, 100, 1000)


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    encoder = load_encoder(options.encoder, scale=options.scale)
    sets = {"squad-sentences": corpora.squad_sentences(), "xquad": corpora.squad_json("xquad.en.json")}
    with opensearch_service() as service, _indexed(service.url, encoder, sets) as address:
        runs = {name: _ask(address, encoder, corpus, options) for name, corpus in sets.items()}
    both = [sample for samples in runs.values() for sample in samples]
    found = {name: _describe(samples) for name, samples in {**runs, "both": both}.items()}
    print(json.dumps({"encoder": encoder.pair_id, "scale": encoder.scale, **found}, indent=2))


@contextmanager
def _indexed(url: str, encoder: Encoder, sets: dict[str, Corpus]) -> Iterator[str]:
    address = f"{url}/bench-{secrets.token_hex(4)}"
    create_index(address, encoder.make_profile(), IndexSpec(replicas=0), settings=Settings())
    try:
        with open_index(address, settings=Settings()) as index:
            for name, corpus in sets.items():
                pairs = list(zip(corpus.titles, corpus.passages, strict=True))
                vectors = encoder.encode_passages(pairs)
                passages = (
                    Passage(f"{name}-{number}", text, title=title, vector=vector)
                    for number, ((title, text), vector) in enumerate(zip(pairs, vectors, strict=True))
                )
                index.add(passages, refresh=True)
        yield address
    finally:
        delete_index(address, settings=Settings())


def _ask(address: str, encoder: Encoder, corpus: Corpus, options: argparse.Namespace) -> list[Sample]:
    chosen = np.random.default_rng(options.seed).choice(len(corpus.questions), options.questions, replace=False)
    questions = [corpus.questions[place] for place in chosen]
    with open_index(address, settings=Settings()) as index:
        samples = []
        for question, vector in zip(questions, encoder.encode_questions(questions), strict=True):
            result = index.search(question, mode="lexical", vector=vector, k=max(DEPTHS), text=False)
            hits = [hit for hit in result.hits if hit.sim is not None and hit.bm25 > 0]
            samples.append(Sample([hit.bm25 for hit in hits], [hit.sim or 0.0 for hit in hits]))
    return samples


def _describe(samples: Sequence[Sample]) -> dict[str, Any]:
    head = _cut(samples, SAMPLE_DEPTH)
    priors = {depth: fit_prior(_cut(samples, depth)) for depth in DEPTHS}
    return {
        "questions": len(samples),
        "spread": round(measure_spread(head), 3),
        "times_scale_to_reference": round(find_scale(head), 3),
        "sim_prior": {depth: [round(prior.a, 3), round(prior.b, 3)] for depth, prior in priors.items()},
    }


def _cut(samples: Sequence[Sample], depth: int) -> list[Sample]:
    return [Sample(np.asarray(one.bm25)[:depth], np.asarray(one.sims)[:depth]) for one in samples]


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Spread and expectation of an encoder's sim.")
    parser.add_argument("--json", action="store_true", help="print JSON (there is no other form)")
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--scale", type=float)
    parser.add_argument("--questions", type=int, default=300, help="of each set")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
