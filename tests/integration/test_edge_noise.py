"""Rounding is never taken for a match."""

import numpy as np
import pytest

from hybrid import Passage, open_index
from hybrid.settings import Settings
from tests.conftest import MakeIndex


@pytest.mark.parametrize("lam", [0.05, 1.1, 5.0, 20.0, 100.0])
def test_passage_without_any_of_the_words_has_a_bm25_of_zero_whatever_lambda(
    lam: float, make_index: MakeIndex
) -> None:
    rng = np.random.default_rng(11)
    with open_index(make_index(), settings=Settings()) as index:
        index.add((Passage(f"p{n}", "a dog", vector=rng.normal(size=8) * 0.01) for n in range(200)), refresh=True)
        for _ in range(5):
            hits = index.search("zzyzx", vector=rng.normal(size=8) * 0.01, k=200, lam=lam).hits
            assert len(hits) == 200
            assert {hit.bm25 for hit in hits} == {0.0}
