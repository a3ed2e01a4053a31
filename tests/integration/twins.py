"""An index on the real node and a shelf of the local engine, which are told and asked the same."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import opensearchpy

from hybrid import Passage
from hybrid.engines.local.scalars import order_zero
from hybrid.engines.opensearch.bulk import Action, index_action
from hybrid.engines.opensearch.calls import encode_lines
from hybrid.errors import FilterError
from hybrid.passages import Vector
from tests.conftest import small_profile
from tests.shelf import Shelf

Clause = Mapping[str, Any]
Answer = list[str] | str
#: Stands for the answer of a side that refuses.
REFUSED = "refused"
#: ``docvalue_fields`` that one request may ask for.
_AT_ONCE = 100
_ALL = 10_000
_VECTOR_FIELD = small_profile().vector_field


class Twins:
    """Both sides, and what they say."""

    def __init__(self, raw: Any, name: str, shelf: Shelf):
        self.raw, self.name, self.shelf = raw, name, shelf
        self._written = 0

    def write(self, metas: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
        """Write passages with some metadata one after the other; for each both verdicts, empty where it was taken."""
        passages = [Passage(f"p{self._written + number:04}", "t", meta=meta) for number, meta in enumerate(metas)]
        self._written += len(passages)
        return self.write_passages(passages)

    def write_passages(self, passages: Sequence[Passage]) -> list[tuple[str, str]]:
        """Do the same with whole passages."""
        return list(zip(self._write_real(passages), map(self._write_local, passages), strict=True))

    def ask(self, clauses: Sequence[Clause]) -> list[tuple[Answer, Answer]]:
        """Filter by one clause after the other; for each the ids, or ``REFUSED``, of both sides."""
        return list(zip(self._ask_real(clauses), map(self._find, clauses), strict=True))

    def real_kinds(self) -> dict[str, str]:
        """Give the kinds of metadata fields that the mapping has come to."""
        (found,) = self.raw.indices.get_mapping(index=self.name).values()
        return dict(_flatten_mapping("", found["mappings"]["properties"]["meta"].get("properties", {})))

    def real_values(self) -> set[tuple[str, Any, str]]:
        """Give field, value and passage of every indexed value."""
        kinds = {f"meta.{field}": kind for field, kind in self.real_kinds().items() if kind != "object"}
        found = set()
        for start in range(0, len(kinds), _AT_ONCE):
            wanted = [
                {"field": field, "format": "epoch_millis"} if kind.endswith("date") else {"field": field}
                for field, kind in list(kinds.items())[start : start + _AT_ONCE]
            ]
            body = {"size": _ALL, "_source": False, "docvalue_fields": wanted}
            for hit in self.raw.search(index=self.name, body=body)["hits"]["hits"]:
                for field, values in hit.get("fields", {}).items():
                    for value in values:
                        found.add((field.removeprefix("meta."), _as_stored(value, kinds[field]), hit["_id"]))
        return found

    def local_values(self) -> set[tuple[str, Any, str]]:
        """Give the same of the shelf."""
        rows = self.shelf.connection.execute("SELECT field, value, slot FROM meta")
        return {(field, value, self.shelf.ids[slot - 1]) for field, value, slot in rows}

    def _write_real(self, passages: Sequence[Passage]) -> list[str]:
        actions = [index_action(one, _VECTOR_FIELD, _read_vector(one)) for one in passages]
        verdicts = {action.id: action.reason for action in actions if not isinstance(action, Action)}
        body = b"".join(action.payload for action in actions if isinstance(action, Action))
        for item in self.raw.bulk(body=body, index=self.name, params={"refresh": "true"})["items"]:
            verdicts[item["index"]["_id"]] = str(item["index"].get("error", ""))
        return [verdicts[passage.id] for passage in passages]

    def _ask_real(self, clauses: Sequence[Clause]) -> list[Answer]:
        bodies = [{"query": {"bool": {"filter": [clause]}}, "size": _ALL, "_source": False} for clause in clauses]
        lines = b"".join(encode_lines({}, body) for body in bodies)
        try:
            return [_read_ids(answer) for answer in self.raw.msearch(body=lines, index=self.name)["responses"]]
        except opensearchpy.RequestError:
            # One clause that cannot be read fails the whole request.
            middle = len(clauses) // 2
            halves = (clauses[:middle], clauses[middle:])
            return [answer for half in halves for answer in self._ask_real(half)] if middle else [REFUSED]

    def _write_local(self, passage: Passage) -> str:
        try:
            self.shelf.put(passage)
        except ValueError as error:
            return str(error)
        return ""

    def _find(self, clause: Clause) -> Answer:
        try:
            return self.shelf.find(clause)
        except FilterError:
            return REFUSED


def _read_vector(passage: Passage) -> Vector | None:
    return None if passage.vector is None else np.asarray(passage.vector, dtype=np.float32)


def _read_ids(answer: Mapping[str, Any]) -> Answer:
    # Some dates that do not exist are answered with a 500.
    return REFUSED if "error" in answer else sorted(hit["_id"] for hit in answer["hits"]["hits"])


def _flatten_mapping(prefix: str, properties: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, body in properties.items():
        kind = body.get("type", "object")
        yield prefix + name, "slash_date" if kind == "date" and "/" in body.get("format", "") else kind
        yield from _flatten_mapping(f"{prefix}{name}.", body.get("properties", {}))


def _as_stored(value: Any, kind: str) -> Any:
    if kind == "double":
        return order_zero(value)
    return int(value) if kind.endswith("date") or kind == "boolean" else value
