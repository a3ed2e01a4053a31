"""What comes and goes under ``/v1``: questions and options, by the names of the command line, and profiles."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import GatewayError, UsageError
from ..profile import Profile, to_meta
from ..reader.answers import ReadOptions
from ..reader.asking import K
from ..requests import SearchOptions, check_words
from .rewrite import Body

_Kinds = Mapping[str, tuple[str, type | tuple[type, ...]]]

#: What may be said besides index and question, and what it has to be.
_KINDS: _Kinds = {
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
#: What ``/v1/ask`` takes besides: how to read, but not with what, which is for whoever runs the gateway to say.
_READING: _Kinds = {
    "answers": ("a whole number", int),
    "rule": ("a string", str),
    "beta": ("a number", (int, float)),
    "gamma": ("a number", (int, float)),
    "longest": ("a whole number", int),
    "threshold": ("a number", (int, float)),
    "least_score": ("a number", (int, float)),
}
#: What ``SearchOptions`` calls otherwise.
_NAMES = {"lambda": "lam"}


def read_index(body: Body) -> str:
    """Give the name of the index, or refuse a body without one."""
    given = body.get("index")
    named: str = _check("index", "" if given is None else given, "a string", str)
    if not named:
        raise GatewayError('The key [index] is missing; say {"index": NAME, …}: GET /v1/indexes lists the names.')
    return named


def read_question(body: Body) -> tuple[str, SearchOptions]:
    """Give question and options, or refuse what cannot be read; what is null counts as left out."""
    unknown = body.keys() - _KINDS.keys() - {"index", "question"}
    if unknown:
        raise GatewayError(f"The key [{min(unknown)}] is not known.")
    question = body.get("question")
    if not isinstance(question, str):
        raise GatewayError('Say {"index": NAME, "question": TEXT, …}.')
    options: Any = {_NAMES.get(name, name): value for name, value in _read(body, _KINDS).items()}
    read: SearchOptions = options
    _check_words(question, read)
    return question, read


def read_asking(body: Body) -> tuple[str, SearchOptions, ReadOptions]:
    """Give question and options of a search, and how its hits are to be read."""
    question, options = read_question({name: value for name, value in body.items() if name not in _READING})
    if options.get("text") is False:
        raise GatewayError("Without their text passages cannot be read; leave text out.")
    _check_words(question, {})
    try:
        return question, {"k": K, **options}, ReadOptions(**_read(body, _READING))
    except UsageError as error:
        raise GatewayError(str(error)) from error


def write_profile(name: str, profile: Profile) -> Body:
    """Give what an index says of itself, without the encoder: where that lies is nobody's business."""
    return {"index": name, "profile": to_meta(replace(profile, question_tower=None, passage_tower=None))}


def _check_words(question: str, options: SearchOptions) -> None:
    try:
        check_words(question, options.get("vector"))
    except UsageError as error:
        raise GatewayError(str(error)) from error


def _read(body: Body, kinds: _Kinds) -> dict[str, Any]:
    return {name: _check(name, body[name], *kinds[name]) for name in kinds if body.get(name) is not None}


def _check(name: str, value: Any, said: str, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise GatewayError(f"{name} is {str(value)[:40]!r}; say {said}.")
    return value
