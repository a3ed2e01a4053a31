"""What travels: a ``Passage`` goes in, a ``Hit`` in a ``SearchResult`` comes out; and the field names."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Literal

import numpy as np
import orjson
from numpy.typing import ArrayLike, NDArray

Mode = Literal["hybrid", "lexical", "dense"]
Dense = Literal["ann", "exact"]
Idf = Literal["global", "shard"]

# Fields of a stored passage; the mapping, the writer and the queries take them from here.
CONTENTS = "contents"
ID = "id"
DOCUMENT_ID = "document_id"
NUMBER = "number"
PASSAGES_TOTAL = "passages_total"
START = "start"
END = "end"
TITLE = "title"
TEXT = "text"
META = "meta"
CONTENT_HASH = "content_hash"
TEXT_HASH = "text_hash"
ENCODED_HASH = "encoded_hash"
PENDING = "pending"
ENCODE_ERROR = "encode_error"
#: All of them, beside what metadata brings.
OWN_FIELDS = frozenset(
    {CONTENTS, ID, DOCUMENT_ID, NUMBER, PASSAGES_TOTAL, START, END, TITLE, TEXT, META}
    | {CONTENT_HASH, TEXT_HASH, ENCODED_HASH, PENDING, ENCODE_ERROR}
)
#: OpenSearch takes no longer id; an index that can be copied to a cluster must not either.
MAX_ID_BYTES = 512

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """One block of text with its place in a document, and its vector if there is one."""

    id: str
    text: str
    title: str = ""
    document_id: str = ""
    number: int = 0
    passages_total: int = 1
    #: Where the text stands in the document, in characters.
    start: int = 0
    end: int = 0
    meta: Mapping[str, Any] = field(default_factory=dict)
    vector: ArrayLike | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A ranked passage with both of its true scores."""

    rank: int
    id: str
    score: float
    bm25: float
    #: None where the passage has no vector yet, or the question was asked without one.
    sim: float | None
    title: str
    text: str
    meta: Mapping[str, Any]
    #: What stood in for ``sim`` in the score of a passage without a vector.
    sim_expected: float | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The answer to one question."""

    question: str
    mode: Mode
    lam: float
    took_ms: float
    hits: Sequence[Hit]
    #: True where only the beginning of the question went to BM25.
    question_cut: bool = False


def to_json(result: SearchResult) -> dict[str, Any]:
    """Give a result as it is printed, and as it travels over HTTP."""
    document = dataclasses.asdict(result)
    document["lambda"] = document.pop("lam")
    hits = document.pop("hits")
    return {**document, "took_ms": round(result.took_ms, 3), "hits": hits}


def hash_text(title: str, text: str) -> str:
    """Name what an encoder would read of a passage; 128 bits are plenty to tell two texts apart."""
    return hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()[:32]


def from_document(source: Mapping[str, Any], vector_field: str) -> Passage:
    """Read a passage as OpenSearch stores it, with its vector if it has one."""
    return Passage(
        id=source[ID],
        text=source[TEXT],
        # Others may have written null.
        title=source.get(TITLE) or "",
        document_id=source.get(DOCUMENT_ID, source[ID]),
        number=source.get(NUMBER, 0),
        passages_total=source.get(PASSAGES_TOTAL, 1),
        start=source.get(START, 0),
        end=source.get(END, 0),
        meta=source.get(META, {}),
        vector=source.get(vector_field),
    )


def check_id(passage_id: str) -> None:
    """Raise ``ValueError`` for an id that no engine takes."""
    _check_type(ID, passage_id, str, "a string")
    size = len(passage_id.encode())
    if not 1 <= size <= MAX_ID_BYTES:
        raise ValueError(f"the id has {size} bytes in UTF-8; 1 to {MAX_ID_BYTES} are allowed")


def read_passage(passage: Passage) -> Passage:
    """Give a passage as a caller made it, its numbers as Python's own; ``ValueError`` says why no engine takes it."""
    check_id(passage.id)
    for name in (DOCUMENT_ID, TITLE, TEXT):
        _check_type(name, getattr(passage, name), str, "a string")
    _check_type(META, passage.meta, Mapping, "a mapping")
    numbers: dict[str, Any] = {}
    for name in (NUMBER, PASSAGES_TOTAL, START, END):
        _check_type(name, value := getattr(passage, name), Integral, "a whole number")
        numbers[name] = int(value)
    return dataclasses.replace(passage, **numbers)


def _check_type(name: str, value: object, kind: type, called: str) -> None:
    if not isinstance(value, kind):
        raise ValueError(f"{name} is of the type {type(value).__name__}; give {called}")


def hash_content(passage: Passage) -> str:
    """Name all that a source says of a passage, so that a passage that says the same again is not written again."""
    end = passage.end or passage.start + len(passage.text)
    place = (passage.document_id or passage.id, passage.number, passage.passages_total, passage.start, end)
    said = (place, passage.title, passage.text, dict(passage.meta))
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def to_document(passage: Passage, vector_field: str, vector: Vector | None) -> dict[str, Any]:
    """Write a passage as OpenSearch stores it; ``vector`` is the passage's own, brought into the index's form.

    ``ValueError`` says why no engine takes it.
    """
    passage = read_passage(passage)
    text_hash = hash_text(passage.title, passage.text)
    document: dict[str, Any] = {
        ID: passage.id,
        DOCUMENT_ID: passage.document_id or passage.id,
        NUMBER: passage.number,
        PASSAGES_TOTAL: passage.passages_total,
        START: passage.start,
        END: passage.end or passage.start + len(passage.text),
        TITLE: passage.title,
        TEXT: passage.text,
        META: dict(passage.meta),
        CONTENT_HASH: hash_content(passage),
        TEXT_HASH: text_hash,
        PENDING: vector is None,
    }
    if vector is not None:
        document[vector_field] = vector
        document[ENCODED_HASH] = text_hash
    return document
