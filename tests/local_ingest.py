"""What an ingestion left in a folder."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.testing import assert_array_equal

from hybrid.engines.local.doctor import examine
from hybrid.engines.local.segments import FOLDER
from hybrid.index import open_index
from hybrid.passages import Passage
from tests.integration.feeding import vector_of


def stored(address: str) -> dict[str, Passage]:
    with open_index(address) as index:
        return {passage.id: passage for page in index.scan() for passage in page}


def files(address: str) -> set[str]:
    """Name the groups of arrays: each change makes a new one."""
    return {path.name for path in (Path(address) / FOLDER).iterdir()}


def assert_holds(address: str, wanted: Mapping[str, Passage], *, encoded: bool = True) -> None:
    """Fail unless the folder holds exactly these passages, each with the vector of its own text."""
    found = stored(address)
    assert set(found) == set(wanted)
    for passage_id, passage in wanted.items():
        one = found[passage_id]
        for name in ("title", "text", "document_id", "number", "passages_total", "start", "end", "meta"):
            assert getattr(one, name) == getattr(passage, name), (passage_id, name)
        assert (one.vector is not None) == encoded
        if one.vector is not None:
            assert_array_equal(np.asarray(one.vector), vector_of(passage.title, passage.text))
    assert {check.name for check in examine(Path(address)) if not check.passed} <= {"coverage"}
