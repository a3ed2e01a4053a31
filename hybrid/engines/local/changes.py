"""Changes to a local index inside one transaction: rows of the database, and masks and groups of arrays."""

import dataclasses
import itertools
import json
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from ...passages import Passage, Vector, check_id, hash_content, hash_text, read_passage
from ...profile import Profile, to_meta
from ...records import BulkReport, Failure
from . import segments
from .analysis import Analyze
from .arrays import Array, Arrays, write_group
from .database import select_in
from .fields import Kind, Value, read_values
from .postings import build_postings
from .reader import PROFILE, State
from .segments import FOLDER, POSTINGS, Segment
from .view import View

_NUMBERS = range(-(2**31), 2**31)
_BAD_REQUEST = 400


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A passage that can be stored: its vector in the index's form, its metadata by the kinds of their fields."""

    passage: Passage
    vector: Vector | None
    values: Sequence[tuple[str, Value]]
    kinds: Mapping[str, Kind]


def check_passage(passage: Passage, vector: Vector | None, kinds: Mapping[str, Kind]) -> Checked | Failure:
    """Give a passage ready to be stored, or why it cannot be."""
    try:
        passage = read_passage(passage)
        for text in (passage.title, passage.text, passage.document_id):
            text.encode()
        _check_numbers(passage)
        values, new_kinds = read_values(passage.meta, kinds)
        orjson.dumps(dict(passage.meta))
    except (TypeError, ValueError) as error:
        return Failure(passage.id, _BAD_REQUEST, str(error))
    return Checked(passage, vector, values, new_kinds)


def _check_numbers(passage: Passage) -> None:
    """Raise ``ValueError`` for a number that a cluster's mapping has no room for."""
    end = passage.end or passage.start + len(passage.text)
    for value in (passage.number, passage.passages_total, passage.start, end):
        if value not in _NUMBERS:
            raise ValueError(f"{value} is out of range: a passage's numbers have 32 bits")


def refuse_id(passage_id: str) -> Failure | None:
    """Give why no passage can have an id, or None."""
    try:
        check_id(passage_id)
    except ValueError as error:
        return Failure(passage_id, _BAD_REQUEST, str(error))
    return None


def write_passages(
    connection: sqlite3.Connection, folder: Path, state: State, checked: Sequence[Checked], analyze: Analyze
) -> BulkReport:
    """Store passages whole, replacing those of the same id."""
    # Of one id that comes twice the last counts, as if they had been written one after the other.
    last = {one.passage.id: one for one in checked}
    replaced = remove_passages(connection, state.view, list(last))
    rows = [_to_row(one.passage) for one in last.values()]
    slots = []
    for row in rows:
        cursor = connection.execute(_INSERT, row)
        slots.append(int(cursor.lastrowid or 0))
    _write_kinds(connection, checked)
    _write_values(connection, slots, list(last.values()))
    bags = [analyze(one.passage.title) + analyze(one.passage.text) for one in last.values()]
    add_group(connection, folder, POSTINGS, build_postings(slots, bags))
    given = [(slot, one.vector) for slot, one in zip(slots, last.values(), strict=True) if one.vector is not None]
    write_vectors(connection, folder, given, state.profile.vector_field)
    return BulkReport(created=len(last) - replaced, updated=len(checked) - len(last) + replaced)


def write_vectors(
    connection: sqlite3.Connection, folder: Path, vectors: Sequence[tuple[int, Vector]], vector_field: str
) -> None:
    """Store vectors of passages that have none, by slot."""
    if not vectors:
        return
    ordered = sorted(vectors, key=lambda pair: pair[0])
    arrays: dict[str, Array] = {
        "slots": np.array([slot for slot, _ in ordered], dtype=np.int64),
        "vectors": np.stack([vector for _, vector in ordered]).astype(np.float32),
    }
    add_group(connection, folder, vector_field, arrays)


def remove_passages(connection: sqlite3.Connection, view: View, ids: Sequence[str]) -> int:
    """Remove those passages that are there, and give how many were."""
    slots = sorted(slot for (slot,) in select_in(connection, "slot", "id", ids))
    if slots:
        connection.executemany("DELETE FROM passages WHERE slot = ?", [(slot,) for slot in slots])
        _bury(connection, view, np.array(slots, dtype=np.int64))
    return len(slots)


def add_group(
    connection: sqlite3.Connection, folder: Path, kind: str, arrays: Arrays, replaced: Iterable[str] = ()
) -> None:
    """Write a group of arrays that counts from the next commit on, instead of others."""
    segments.drop_segments(connection, replaced)
    size = len(arrays["slots"])
    if not size:
        return
    name = secrets.token_hex(8)
    checksum = write_group(folder / FOLDER, name, arrays)
    segments.add_segment(connection, Segment(name, kind, int(arrays["slots"][0]), size, checksum))


def save_profile(connection: sqlite3.Connection, profile: Profile) -> None:
    """Write what the index says of itself."""
    value = json.dumps(to_meta(profile))
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (PROFILE, value))


_INSERT = (
    'INSERT INTO passages (id, document_id, number, passages_total, "start", "end", title, text, meta, content_hash, '
    "text_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _to_row(passage: Passage) -> tuple[str | int, ...]:
    return (
        passage.id,
        passage.document_id or passage.id,
        passage.number,
        passage.passages_total,
        passage.start,
        passage.end or passage.start + len(passage.text),
        passage.title,
        passage.text,
        orjson.dumps(dict(passage.meta)).decode(),
        hash_content(passage),
        hash_text(passage.title, passage.text),
    )


def _write_kinds(connection: sqlite3.Connection, checked: Sequence[Checked]) -> None:
    """Keep the kinds of new fields; also of passages that another of the same id replaces at once."""
    kinds = dict(itertools.chain.from_iterable(one.kinds.items() for one in checked))
    connection.executemany("INSERT OR IGNORE INTO fields VALUES (?, ?)", list(kinds.items()))


def _write_values(connection: sqlite3.Connection, slots: Sequence[int], checked: Sequence[Checked]) -> None:
    values = [(field, value, slot) for slot, one in zip(slots, checked, strict=True) for field, value in one.values]
    connection.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?, ?)", values)


def _bury(connection: sqlite3.Connection, view: View, slots: NDArray[np.int64]) -> None:
    """Let the rows of slots live no more."""
    rows = view.find(slots)
    for part in view.parts:
        own = rows[(rows >= part.rows.start) & (rows < part.rows.stop)]
        if len(own):
            mask = view.alive[part.rows].copy()
            mask[own - part.first] = False
            segments.save_mask(connection, part.name, mask)
