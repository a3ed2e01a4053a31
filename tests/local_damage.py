"""A small index to be damaged, and what everybody must say of it then."""

from pathlib import Path

import numpy as np
import pytest

from hybrid.engines.local.doctor import examine
from hybrid.errors import HybridError, StorageError
from hybrid.index import create_index, open_index
from hybrid.passages import Passage, SearchResult
from tests.conftest import small_profile
from tests.messages import assert_one_clear_line

VECTOR = [1.0, -1.0, 0.5, 2.0, 0.0, 1.0, 1.0, 3.0]
PASSAGES = 50


def make(folder: Path, seed: int = 0) -> Path:
    """Make an index of a group of postings and one of vectors, and some passages that are dead."""
    rng = np.random.default_rng(seed)
    create_index(str(folder), small_profile())
    with open_index(str(folder)) as index:
        index.add([Passage(f"p{n}", f"word{n % 7} fox", vector=rng.normal(size=8)) for n in range(PASSAGES)])
        index.add([Passage(f"q{n}", f"word{n % 3} dog", meta={"part": n}) for n in range(PASSAGES)])
        index.delete(["p3", "q4"])
    return folder


def search(folder: Path) -> SearchResult:
    with open_index(str(folder)) as index:
        return index.search("word1 fox", vector=VECTOR, k=1000)


def refused(folder: Path, kind: type[HybridError] = StorageError) -> str:
    """Fail unless searching is refused in one line, twice alike."""
    with pytest.raises(kind) as first:
        search(folder)
    with pytest.raises(kind) as second:
        search(folder)
    assert str(first.value) == str(second.value)
    return assert_one_clear_line(first.value)


def assert_doctor_sees(folder: Path) -> None:
    checks = examine(folder)
    assert not all(check.passed for check in checks if check.name != "coverage")
    for check in checks:
        assert check.detail.splitlines() == [check.detail]
