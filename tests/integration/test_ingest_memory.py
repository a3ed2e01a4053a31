"""Memory depends on the size of a batch, not on that of the source."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from hybrid.records import Filled
from ingest.documents import Row
from ingest.tally import Tally
from tests.conftest import MakeIndex, small_profile
from tests.integration.feeding import document, encode, feed

DOCUMENTS = 2_000
PASSAGES = 20_000
#: What the second half of a source may need beyond the first: the ids of its documents, and some slack.
SLACK = 2_000_000


def generate() -> Iterator[Row]:
    return (Row(number, document(f"d{number}", 30), "made", number + 1) for number in range(DOCUMENTS))


def test_second_half_of_a_source_needs_no_more_memory_than_the_first(make_index: MakeIndex, tmp_path: Path) -> None:
    peaks: list[int] = []

    def measure(_tally: Tally, _filled: Filled) -> None:
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.reset_peak()

    address = make_index(small_profile(max_norm=100.0))
    tracemalloc.start()
    try:
        tally = feed(address, generate(), tmp_path / "rejects.jsonl", encode=encode, on_progress=measure).tally
    finally:
        tracemalloc.stop()
    assert (tally.created, tally.adds_up) == (PASSAGES, True)
    assert len(peaks) > 20
    half = len(peaks) // 2
    assert max(peaks[half:]) < max(peaks[:half]) + SLACK, peaks
