"""What others published: ``published.json`` as tables of rows, each figure under the source that it was read in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("published.json")
#: The source whose figures ours are held against.
PAPER = "paper"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    id: str
    label: str
    #: By source and column, such as ``nq/top20``; what a source does not tell is left out.
    figures: Mapping[str, Mapping[str, float]]
    #: Somebody else's system, which nothing here runs.
    not_run: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the paper."""

    id: str
    title: str
    where: str
    unit: str
    rows: tuple[Row, ...]

    def row(self, name: str) -> Row:
        """Give the row of that id."""
        return next(row for row in self.rows if row.id == name)


@cache
def load_tables() -> dict[str, Table]:
    """Give all tables by id."""
    tables = json.loads(_FILE.read_text("utf-8"))["tables"]
    return {table["id"]: Table(**{**table, "rows": tuple(Row(**row) for row in table["rows"])}) for table in tables}


def load_sources() -> dict[str, str]:
    """Give what each source is."""
    sources: dict[str, str] = json.loads(_FILE.read_text("utf-8"))["sources"]
    return sources
