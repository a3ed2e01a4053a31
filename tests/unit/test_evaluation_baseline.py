"""TF-IDF ranks by the sum of idf · tf / length, whatever BM25 the index has."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hybrid import Passage, Profile, create_index, open_index
from hybrid.evaluation.asking import ask
from hybrid.evaluation.baseline import _B, _K1, measure_tf_idf
from hybrid.evaluation.measuring import Judge
from hybrid.evaluation.questions import Question

WORDS = [f"w{number}" for number in range(30)]
PROFILE = Profile(pair_id="mine", fingerprint="0f3c2a91", dimension=2, analyzer="standard")


@pytest.fixture
def texts() -> list[list[str]]:
    """Passages of up to 39 words: the byte that holds a length is exact so far."""
    rng = np.random.default_rng(1)
    return [rng.choice(WORDS, rng.integers(1, 40)).tolist() for _ in range(60)]


def score(asked: list[str], text: list[str], texts: list[list[str]]) -> float:
    total, counts = 0.0, Counter(text)
    for word in asked:
        containing = sum(word in one for one in texts)
        total += math.log(1 + (len(texts) - containing + 0.5) / (containing + 0.5)) * counts[word] / len(text)
    return total


def test_order_is_that_of_the_sum_of_idf_times_share(texts: list[list[str]], tmp_path: Path) -> None:
    create_index(str(tmp_path / "index"), PROFILE)
    with open_index(str(tmp_path / "index")) as index:
        index.add(Passage(f"p{row}", " ".join(text)) for row, text in enumerate(texts))
        average = sum(map(len, texts)) / len(texts)
        asked = ["w1", "w2", "w3"]
        with index.under(_K1, _B) as weighed:
            (found,) = next(iter(ask(weighed, [Question("q", " ".join(asked))], None)))
        wanted = {f"p{row}": score(asked, text, texts) for row, text in enumerate(texts)}
        got = dict(zip(found.candidates.ids, found.candidates.bm25 * _K1 / average, strict=True))
        assert got == pytest.approx({name: value for name, value in wanted.items() if value}, rel=0.02)

        best = max(wanted, key=lambda name: wanted[name])
        question = Question("q", " ".join(asked), relevant={best: 1})
        measured = measure_tf_idf(index, [question], Judge("ids"), None, lambda _: None)
        assert measured["top1"].tolist() == [1.0]
