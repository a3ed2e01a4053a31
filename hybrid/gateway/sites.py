"""Where the hybrid score goes: the clauses of the text become one clause of the query, the ``Site``.

Whatever stands around the site stays: filters and siblings go on restricting what is found, now also by meaning, and
boosts and functions go on changing what the text's score is worth.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .clauses import Clause, Path, get_at, listed, put_at, read_clause, scoring_children
from .find_text import Text
from .reasons import Reason

#: What ``function_score`` makes of a score to which its functions are added: the factor that stays on the score.
_ADDING_MODES = {"sum": 1.0, "avg": 0.5}
#: Keys under which a bool of nothing but the text may say how its clauses combine.
_COMBINING = frozenset({"must", "should", "minimum_should_match", "boost", "_name", "adjust_pure_negative"})
_NONE = (None, 0, "0")


@dataclass(frozen=True, slots=True)
class Site:
    """A query whose text is a single clause, and what becomes of that clause's score on the way to the hit."""

    query: Any
    path: Path
    #: What parents multiply the score by, all hits alike.
    factor: float
    #: Whether every parent only adds to the score; if one does more, the score must not be shifted.
    adds: bool

    @property
    def text(self) -> Clause:
        """The clause that searches for the text."""
        found: Clause = get_at(self.query, self.path)
        return found

    def put(self, clause: Clause) -> Any:
        """Give the whole query with another clause in the text's place."""
        return put_at(self.query, self.path, clause)


@dataclass(frozen=True, slots=True)
class _Weight:
    factor: float = 1.0
    adds: bool = True

    def __mul__(self, other: "_Weight") -> "_Weight":
        return _Weight(self.factor * other.factor, self.adds and other.adds)


_NOT_ADDED = _Weight(adds=False)


def find_site(query: Any, text: Text) -> Site | Reason:
    """Give the smallest part of a query that holds the whole text and no condition of its own."""
    path: Path = ()
    weight, optional, grouped = _Weight(), False, False
    while True:
        clause = get_at(query, path)
        inside = _below(path, text.places)
        if grouped or _is_text_only(clause, inside):
            return Site(query, path, weight.factor, weight.adds)
        ways = [way for way, _ in scoring_children(clause) if _below(way, inside)]
        if len(ways) > 1:
            gathered = _group(clause, inside)
            if isinstance(gathered, Reason):
                return gathered
            clause, ways = gathered
            query, grouped = put_at(query, path, clause), True
        step = _weigh(clause)
        if isinstance(step, Reason):
            return step
        # A hit for which the text's branch does not hold has no share of what is added to the others.
        weight *= step if not (optional and _has_conditions(clause, ways[0])) else _NOT_ADDED
        optional = optional or _is_optional(clause, ways[0])
        path += ways[0]


def _below(path: Path, places: Sequence[Path]) -> list[Path]:
    """Give the rest of each place that lies at ``path`` or below."""
    return [place[len(path) :] for place in places if place[: len(path)] == path]


def _is_text_only(clause: Any, places: Sequence[Path]) -> bool:
    """Tell whether a clause holds nothing but the text, so that it can be replaced as a whole."""
    if () in places:
        return True
    kind, body = read_clause(clause)
    if kind not in ("bool", "dis_max", "constant_score") or not isinstance(body, Mapping):
        return False
    if kind == "bool" and any(listed(value) for name, value in body.items() if name not in _COMBINING):
        return False
    children = list(scoring_children(clause))
    return bool(children) and all(_is_text_only(child, _below(way, places)) for way, child in children)


def _weigh(clause: Any) -> _Weight | Reason:
    """Say what a clause does to the score of the text inside it."""
    kind, body = read_clause(clause)
    if not isinstance(body, Mapping):
        return Reason.NO_TEXT
    boost = body.get("boost", 1.0)
    if isinstance(boost, bool) or not isinstance(boost, int | float) or boost <= 0:
        return Reason.NO_SCORE
    if kind == "bool" or (kind == "dis_max" and len(listed(body.get("queries"))) == 1):
        return _Weight(float(boost))
    if kind in ("dis_max", "boosting"):
        return _NOT_ADDED
    return _weigh_functions(body, boost) if kind == "function_score" else _OTHERS.get(kind, Reason.NO_SCORE)


_OTHERS = {"script_score": Reason.SCRIPT}


def _weigh_functions(body: Mapping[str, Any], boost: float) -> _Weight | Reason:
    if "min_score" in body:
        return Reason.MIN_SCORE
    mode = body.get("boost_mode", "multiply")
    if mode == "replace":
        return Reason.NO_SCORE
    if mode in _ADDING_MODES:
        return _Weight(_ADDING_MODES[mode] * boost)
    return _NOT_ADDED


def _is_optional(clause: Any, way: Path) -> bool:
    """Tell whether a clause may match although its child at ``way`` does not."""
    kind, body = read_clause(clause)
    if kind != "bool" or way[1] != "should":
        return False
    least = body.get("minimum_should_match")
    alone = len(listed(body["should"])) == 1
    needed = isinstance(least, int) and least >= 1
    return not (alone and (needed or (least is None and not _rest(body, "must", "filter"))))


def _has_conditions(clause: Any, way: Path) -> bool:
    """Tell whether a clause may fail although its child at ``way`` matches."""
    kind, body = read_clause(clause)
    if kind != "bool":
        return False
    counts = body.get("minimum_should_match") not in ((*_NONE, 1, "1") if way[1] == "should" else _NONE)
    others = len(_rest(body, "must")) > (way[1] == "must")
    return bool(counts or others or _rest(body, "filter", "must_not"))


def _rest(body: Mapping[str, Any], *names: str) -> list[Any]:
    return [child for name in names for child in listed(body.get(name))]


def _group(clause: Any, places: Sequence[Path]) -> tuple[Clause, list[Path]] | Reason:
    """Give a bool whose clauses of the text have become one, and the way to that one; scores and matches stay."""
    kind, body = read_clause(clause)
    if kind != "bool":
        return Reason.SCATTERED
    parts = {name: _part(clause, name, places) for name in ("must", "should")}
    if None in parts.values():
        return Reason.SCATTERED
    (must, other_must), (should, other_should) = parts["must"] or ((), ()), parts["should"] or ((), ())
    least = body.get("minimum_should_match")
    if must:
        if should and least not in _NONE:
            return Reason.COUNTED
        text: Clause = {"bool": {"must": must, "should": should}}
        return _with_must(body, [*other_must, text], other_should)
    if not other_should and least not in _NONE:
        if not isinstance(least, int) or least < 1:
            return Reason.COUNTED
        # All that may match is the text, and it has to: what was counted is now counted inside.
        text = {"bool": {"should": should, "minimum_should_match": least}}
        return _with_must(body, [*other_must, text], [])
    if least not in (*_NONE, 1, "1"):
        return Reason.COUNTED
    grouped = [*other_should, {"bool": {"should": should}}]
    return {"bool": {**body, "should": grouped}}, [("bool", "should", len(grouped) - 1)]


def _with_must(body: Mapping[str, Any], must: list[Any], should: Collection[Any]) -> tuple[Clause, list[Path]]:
    changed = {name: value for name, value in body.items() if name not in ("should", "minimum_should_match")}
    if should:
        changed |= {name: body[name] for name in ("minimum_should_match",) if name in body}
        changed["should"] = list(should)
    return {"bool": {**changed, "must": must}}, [("bool", "must", len(must) - 1)]


def _part(clause: Any, name: str, places: Sequence[Path]) -> tuple[list[Any], list[Any]] | None:
    """Part the children under ``name`` into those of the text and others; None if one is of both kinds."""
    text: list[Any] = []
    others: list[Any] = []
    for way, child in scoring_children(clause):
        if way[1] != name:
            continue
        inside = _below(way, places)
        if inside and not _is_text_only(child, inside):
            return None
        (text if inside else others).append(child)
    return text, others
