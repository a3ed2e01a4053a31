"""OpenSearch's query DSL as a tree: how to read a clause, which children count for the score, how to change one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Clause = dict[str, Any]
#: Keys and positions that lead from a query to a clause inside it.
Path = tuple[str | int, ...]

#: Where the children of a compound clause stand whose scores reach the hit.
_SCORING = {
    "bool": ("must", "should"),
    "boosting": ("positive",),
    "constant_score": ("filter",),
    "dis_max": ("queries",),
    "function_score": ("query",),
    "script_score": ("query",),
}


def read_clause(clause: Any) -> tuple[str, Any]:
    """Give a clause's kind and body; ("", None) for what is none."""
    if not isinstance(clause, Mapping) or len(clause) != 1:
        return "", None
    ((kind, body),) = clause.items()
    return kind, body


def scoring_children(clause: Any) -> Iterator[tuple[Path, Any]]:
    """Give the children of a clause whose scores reach the hit, with the way to each."""
    kind, body = read_clause(clause)
    if isinstance(body, Mapping):
        for name in _SCORING.get(kind, ()):
            for step, child in _list_children(body.get(name)):
                yield (kind, name, *step), child


def listed(children: Any) -> list[Any]:
    """Give what may stand alone as a list: OpenSearch takes a single clause, or name, for a list of one."""
    return [child for _, child in _list_children(children)]


def get_at(query: Any, path: Path) -> Any:
    """Give what stands at the end of a path."""
    for step in path:
        query = query[step]
    return query


def put_at(query: Any, path: Path, clause: Any) -> Any:
    """Give a copy of ``query`` with another clause at the end of a path; what does not change is shared."""
    if not path:
        return clause
    step, rest = path[0], path[1:]
    changed = put_at(query[step], rest, clause)
    if isinstance(query, Mapping):
        return {**query, step: changed}
    return [changed if place == step else child for place, child in enumerate(query)]


def _list_children(children: Any) -> Sequence[tuple[Path, Any]]:
    if children is None:
        return ()
    if isinstance(children, list):
        return [((place,), child) for place, child in enumerate(children)]
    return [((), children)]
