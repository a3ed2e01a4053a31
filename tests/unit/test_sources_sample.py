"""The sample that the README starts with can be read."""

from pathlib import Path

from ingest.documents import Document
from ingest.sources import read_sources

SAMPLE = Path(__file__).parents[2] / "examples" / "sample.jsonl"


def test_every_row_of_the_sample_is_a_document_with_its_metadata() -> None:
    rows = [row.content for row in read_sources([str(SAMPLE)])]
    assert len(rows) == 44
    documents = [row for row in rows if isinstance(row, Document)]
    assert len(documents) == len(rows)
    assert {document.meta["topic"] for document in documents} >= {"nature", "history", "food"}
