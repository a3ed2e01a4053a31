"""The cluster's filter JSON on a local index: a clause lets the same passages through, or it is refused by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ...errors import FilterError
from ...passages import (
    CONTENT_HASH,
    CONTENTS,
    DOCUMENT_ID,
    ENCODE_ERROR,
    ENCODED_HASH,
    END,
    ID,
    META,
    NUMBER,
    PASSAGES_TOTAL,
    PENDING,
    START,
    TEXT,
    TEXT_HASH,
    TITLE,
)
from .clauses import (
    EXAMPLES,
    IDLE,
    Body,
    check_options,
    list_clauses,
    malformed,
    one_field,
    read_least,
    read_scalar,
    show,
)
from .conditions import ANYTHING, LIMITS, ColumnKind, Interval, between, equal, passes, starting, to_sql
from .fields import Kind, Value
from .scalars import json_text

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]
#: A statement that selects slots, and its parameters, in; rows of the view out.
Lookup = Callable[[str, Sequence[Value]], Rows]

#: As many values as the cluster allows in one ``terms``.
MAX_TERMS = 65_536
_OWN: Mapping[str, ColumnKind] = {
    ID: "keyword",
    DOCUMENT_ID: "keyword",
    NUMBER: "integer",
    PASSAGES_TOTAL: "integer",
    PENDING: "boolean",
}
#: Every passage has these; what is in the others cannot be filtered by here.
_ALWAYS = frozenset(_OWN) | {TITLE, TEXT, CONTENTS, START, END, CONTENT_HASH, TEXT_HASH}
_ELSEWHERE = (_ALWAYS - _OWN.keys()) | {ENCODED_HASH, ENCODE_ERROR}
_VECTOR = "vec_"
_OF_PASSAGES = "SELECT slot FROM passages WHERE "
_OF_META = "SELECT slot FROM meta WHERE field = ? AND "
_PREFIX = f"{META}."
_FIELDS = f"{META}.*, {', '.join(_OWN)}"


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """What filters are evaluated against."""

    #: Kinds of metadata fields, named without ``meta.``.
    kinds: Mapping[str, Kind]
    lookup: Lookup
    #: Which rows have no vector yet.
    pending: Mask
    #: Number of rows.
    size: int


def evaluate(filters: Sequence[Mapping[str, Any]], fields: Fields) -> Mask:
    """Give the rows that meet all clauses; rows of dead passages may be among them."""
    try:
        clauses = orjson.loads(orjson.dumps(list(filters), option=orjson.OPT_SERIALIZE_NUMPY))
    except TypeError as error:
        raise FilterError(f"The filter cannot be written as JSON: {error}.") from error
    return _all(clauses, fields)


def _all(clauses: Sequence[Any], fields: Fields) -> Mask:
    mask = np.ones(fields.size, dtype=np.bool_)
    for clause in clauses:
        mask &= _evaluate(clause, fields)
    return mask


def _evaluate(clause: Any, fields: Fields) -> Mask:
    if not isinstance(clause, dict) or len(clause) != 1:
        raise FilterError(f"{show(clause)} is no clause of a filter; write one such as {EXAMPLES['term']}.")
    ((name, body),) = clause.items()
    if name not in _CLAUSES:
        raise FilterError(f"A local index does not know the clause {name!r}; it knows {', '.join(_CLAUSES)}.")
    if not isinstance(body, dict):
        raise malformed(name, clause)
    return _CLAUSES[name](body, fields)


def _bool(body: Body, fields: Fields) -> Mask:
    check_options("bool", body, {"must", "filter", "must_not", "should", "minimum_should_match"})
    must, should = list_clauses(body, "must", "filter"), list_clauses(body, "should")
    mask = _all(must, fields)
    for clause in list_clauses(body, "must_not"):
        mask &= ~_evaluate(clause, fields)
    matches = [_evaluate(clause, fields) for clause in should]
    least = read_least(body.get("minimum_should_match"), len(should))
    if not must:
        # One of the should clauses must match, if there are any; what only forbids lets everything else through.
        least = max(least, 1) if should else 0
    if least:
        mask &= np.sum(matches, axis=0, dtype=np.int64) >= least
    return mask


def _term(body: Body, fields: Fields) -> Mask:
    field, given = one_field("term", body)
    if isinstance(given, dict):
        check_options("term", given, {"value", "case_insensitive"})
        given = given.get("value")
    value = read_scalar("term", given)
    return _match("term", field, fields, lambda kind: equal(value, kind))


def _terms(body: Body, fields: Fields) -> Mask:
    field, given = one_field("terms", {name: value for name, value in body.items() if name not in IDLE})
    check_options("terms", body, {field})
    if not isinstance(given, list):
        raise malformed("terms", body)
    if len(given) > MAX_TERMS:
        raise FilterError(f"The filter's terms clause has {len(given)} values; {MAX_TERMS} are allowed.")
    values = [read_scalar("terms", value) for value in given]
    return _match("terms", field, fields, lambda kind: [found for value in values for found in equal(value, kind)])


def _range(body: Body, fields: Fields) -> Mask:
    field, given = one_field("range", body)
    if not isinstance(given, dict):
        raise malformed("range", body)
    check_options("range", given, set(LIMITS))
    limits = {
        name: None if limit is None else read_scalar("range", limit)
        for name, limit in given.items()
        if name in LIMITS
    }
    return _match("range", field, fields, lambda kind: between(limits, kind))


def _prefix(body: Body, fields: Fields) -> Mask:
    field, given = one_field("prefix", body)
    if isinstance(given, dict):
        check_options("prefix", given, {"value", "case_insensitive"})
        given = given.get("value")
    text = json_text(read_scalar("prefix", given))

    def ask(kind: ColumnKind) -> list[Interval]:
        if kind != "keyword":
            raise ValueError("only strings have a prefix")
        return starting(text)

    return _match("prefix", field, fields, ask)


def _exists(body: Body, fields: Fields) -> Mask:
    check_options("exists", body, {"field"})
    field = body.get("field")
    if not isinstance(field, str) or not field:
        raise malformed("exists", body)
    if "*" in field:
        raise FilterError(f"A local index does not know patterns such as {field!r}; name a field or an object.")
    if field in _ALWAYS:
        return np.ones(fields.size, dtype=np.bool_)
    if field == META:
        return _look_up([("SELECT slot FROM meta", [])], fields)
    kind, name = _find_kind(field, fields), field.removeprefix(_PREFIX)
    if kind == "object":
        return _look_up([("SELECT slot FROM meta WHERE field > ? AND field < ?", [f"{name}.", f"{name}/"])], fields)
    return _match("exists", field, fields, lambda _: [ANYTHING])


def _ids(body: Body, fields: Fields) -> Mask:
    check_options("ids", body, {"values"})
    given = body.get("values", [])
    if not isinstance(given, list | str):
        raise malformed("ids", body)
    values = [json_text(read_scalar("ids", value)) for value in ([given] if isinstance(given, str) else given)]
    return _match("ids", ID, fields, lambda kind: [found for value in values for found in equal(value, kind)])


def _match_all(body: Body, fields: Fields) -> Mask:
    check_options("match_all", body, set())
    return np.ones(fields.size, dtype=np.bool_)


def _match_none(body: Body, fields: Fields) -> Mask:
    check_options("match_none", body, set())
    return np.zeros(fields.size, dtype=np.bool_)


def _match(clause: str, field: str, fields: Fields, ask: Callable[[ColumnKind], list[Interval]]) -> Mask:
    """Give the rows whose field has a value where ``ask`` wants one; none for a field that no passage has."""
    kind = _find_kind(field, fields)
    if kind is None or kind == "object":
        return np.zeros(fields.size, dtype=np.bool_)
    try:
        intervals = ask(kind)
    except ValueError as error:
        raise FilterError(
            f"The filter's {clause} does not fit {field!r}, which is of the type {kind.replace('_', ' ')}: {error}."
        ) from error
    if field == PENDING:
        return (fields.pending & passes(1, intervals)) | (~fields.pending & passes(0, intervals))
    if field in _OWN:
        found = [(_OF_PASSAGES + test, values) for test, values in to_sql(field, intervals)]
    else:
        name = field.removeprefix(_PREFIX)
        found = [(_OF_META + test, [name, *values]) for test, values in to_sql("value", intervals)]
    return _look_up(found, fields)


def _look_up(statements: Sequence[tuple[str, list[Value]]], fields: Fields) -> Mask:
    mask = np.zeros(fields.size, dtype=np.bool_)
    for statement, parameters in statements:
        mask[fields.lookup(statement, parameters)] = True
    return mask


def _find_kind(field: str, fields: Fields) -> ColumnKind | None:
    """Give a field's kind, None for a field that no passage has; refuse fields that cannot be filtered by here."""
    if field.startswith(_PREFIX):
        return fields.kinds.get(field.removeprefix(_PREFIX))
    head = field.split(".")[0]
    if head in _ELSEWHERE or head.startswith(("_", _VECTOR)):
        raise FilterError(f"A local index cannot filter by {field!r}; it can by {_FIELDS}.")
    return _OWN.get(field)


_CLAUSES: Mapping[str, Callable[[Body, Fields], Mask]] = {
    "term": _term,
    "terms": _terms,
    "range": _range,
    "exists": _exists,
    "prefix": _prefix,
    "ids": _ids,
    "bool": _bool,
    "match_all": _match_all,
    "match_none": _match_none,
}
