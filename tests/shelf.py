"""Metadata that is stored and filtered by the local engine's own parts, around a database of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid import Passage
from hybrid.engines.local import database
from hybrid.engines.local.fields import Kind, Value, read_values
from hybrid.engines.local.filters import Fields, evaluate

_INSERT = """
    INSERT INTO passages (id, document_id, number, passages_total, "start", "end", title, text, meta, content_hash,
    text_hash) VALUES (?, ?, ?, ?, 0, 0, '', '', '', '', '')
"""


class Shelf:
    """Passages without text; the row of a passage is its slot less one."""

    def __init__(self, folder: Path):
        database.make(folder, lambda _: None)
        self.connection = database.open_to_write(folder)
        self.kinds: dict[str, Kind] = {}
        self.ids: list[str] = []
        self.pending: list[bool] = []
        #: Statements of the last filter, with their parameters.
        self.asked: list[tuple[str, Sequence[Value]]] = []

    def put(self, passage: Passage) -> None:
        """Store a passage; ValueError if its metadata does not fit."""
        values, kinds = read_values(passage.meta, self.kinds)
        row = (passage.id, passage.document_id or passage.id, passage.number, passage.passages_total)
        slot = self.connection.execute(_INSERT, row).lastrowid
        assert slot == len(self.ids) + 1
        self.connection.executemany("INSERT INTO meta VALUES (?, ?, ?)", [(*one, slot) for one in values])
        self.kinds |= kinds
        self.ids.append(passage.id)
        self.pending.append(passage.vector is None)

    def find(self, *clauses: Mapping[str, Any]) -> list[str]:
        """Give the ids that all clauses let through, sorted."""
        self.asked = []
        mask = evaluate(
            clauses, Fields(self.kinds, self._look_up, np.array(self.pending, dtype=np.bool_), len(self.ids))
        )
        assert mask.shape == (len(self.ids),)
        assert mask.dtype == np.bool_
        return sorted(self.ids[row] for row in np.flatnonzero(mask))

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def _look_up(self, statement: str, parameters: Sequence[Value]) -> NDArray[np.int64]:
        self.asked.append((statement, parameters))
        slots = [slot for (slot,) in self.connection.execute(statement, parameters)]
        return np.array(slots, dtype=np.int64) - 1
