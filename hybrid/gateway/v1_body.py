"""The body of ``/v1/search``: a question and options, by the names that the command line has for them."""

from collections.abc import Mapping
from typing import Any

from ..errors import GatewayError
from ..requests import SearchOptions
from .rewrite import Body

#: What may be said besides index and question, and what it has to be.
_KINDS: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "vector": ("a list of numbers", list),
    "pair_id": ("a string", str),
    "k": ("a whole number", int),
    "mode": ("a string", str),
    "lambda": ("a number", (int, float)),
    "depth": ("a whole number", int),
    "filter": ("a query clause or a list of them", (dict, list)),
    "dense": ("a string", str),
    "idf": ("a string", str),
    "text": ("true or false", bool),
}
#: What ``SearchOptions`` calls otherwise.
_NAMES = {"lambda": "lam"}


def read_question(body: Body) -> tuple[str, SearchOptions]:
    """Give question and options, or refuse what cannot be read; what is null counts as left out."""
    unknown = body.keys() - _KINDS.keys() - {"index", "question"}
    if unknown:
        raise GatewayError(f"The key [{min(unknown)}] is not known.")
    question = body.get("question")
    if not isinstance(question, str):
        raise GatewayError('Say {"index": NAME, "question": TEXT, …}.')
    options: Any = {_NAMES.get(name, name): _check(name, body[name]) for name in _KINDS if body.get(name) is not None}
    read: SearchOptions = options
    return question, read


def _check(name: str, value: Any) -> Any:
    said, kind = _KINDS[name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise GatewayError(f"{name} is {str(value)[:40]!r}; say {said}.")
    return value
