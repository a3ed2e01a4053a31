"""A set of documents that forgets nothing, however it is merged, and stays small."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import seen
from ingest.seen import Seen, digest

MEETINGS = st.lists(st.tuples(st.text(max_size=2), st.text(max_size=2)), max_size=80)


@pytest.mark.parametrize("buffer", [1, 2, 7])
@given(meetings=MEETINGS)
def test_every_document_is_remembered_as_it_was_first_met(buffer: int, meetings: list[tuple[str, str]]) -> None:
    first: dict[str, int] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "BUFFER", buffer)
        met = Seen()
        for name, content in meetings:
            assert met.meet(name, content) == first.get(name)
            first.setdefault(name, digest(content))


def test_many_documents_take_a_few_bytes_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "BUFFER", 1024)
    met = Seen()
    tracemalloc.start()
    try:
        for number in range(50_000):
            assert met.meet(f"document-{number}", "text") is None
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 50_000 * 20 + 200_000
    assert all(met.meet(f"document-{number}", "") == digest("text") for number in range(0, 50_000, 997))


def test_anything_has_a_digest() -> None:
    assert digest("\ud800") != digest("\ud801")
    assert digest("a") == digest("a") < 2**64
