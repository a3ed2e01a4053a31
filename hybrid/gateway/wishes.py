"""What a request wants of the gateway: read from ``ext.hybrid`` of a body and from headers.

The closer to the search, the stronger: a body's own word, then the request's header, then the index's setting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import GatewayError
from ..fusion import is_weight
from .clauses import get_at
from .rewrite import Body, Side
from .served import MODES, SIDES, SearchMode

MODE_HEADER = "x-search-mode"
#: ReactiveSearch sends what the user typed in this header.
TEXT_HEADER = "x-search-query"
EXTENSION = "hybrid"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is left None is for the index's settings to decide."""

    mode: SearchMode | None = None
    hint: str | None = None
    side: Side | None = None
    lam: float | None = None
    #: Whether hits show their parts.
    explain: bool = False


def read_wishes(body: Mapping[str, Any], headers: Mapping[str, str]) -> Wishes:
    """Read them, or refuse what cannot be read."""
    said = _read_extension(body)
    lam = said.get("lambda")
    if lam is not None and (isinstance(lam, bool) or not isinstance(lam, int | float) or not is_weight(lam)):
        raise GatewayError(f"ext.hybrid.lambda is {lam!r}; say a number of 0 or more.")
    explain = said.get("explain", False)
    if not isinstance(explain, bool):
        raise GatewayError(f"ext.hybrid.explain is {explain!r}; say true or false.")
    return Wishes(
        mode=_choose("ext.hybrid.mode", said.get("mode"), MODES) or read_mode(headers),
        hint=_read_hint(said, body) or headers.get(TEXT_HEADER) or None,
        side=_choose("ext.hybrid.text", said.get("text"), SIDES),
        lam=None if lam is None else float(lam),
        explain=explain,
    )


def read_mode(headers: Mapping[str, str]) -> SearchMode | None:
    """Read the mode that a whole request wants."""
    mode: SearchMode | None = _choose("the header X-Search-Mode", headers.get(MODE_HEADER), MODES)
    return mode


def without_wishes(body: Mapping[str, Any]) -> Body:
    """Give a body as OpenSearch takes it: it refuses an extension that it does not know."""
    extensions = {name: value for name, value in (body.get("ext") or {}).items() if name != EXTENSION}
    rest = {name: value for name, value in body.items() if name != "ext"}
    return {**rest, "ext": extensions} if extensions else rest


def _read_extension(body: Mapping[str, Any]) -> Mapping[str, Any]:
    extensions = body.get("ext") or {}
    said = extensions.get(EXTENSION) or {} if isinstance(extensions, Mapping) else None
    if not isinstance(said, Mapping):
        raise GatewayError("ext.hybrid is no object.")
    return said


def _read_hint(said: Mapping[str, Any], body: Mapping[str, Any]) -> str | None:
    """Give the text that a body names, by itself or by where it stands: ``query.bool.must.0.match.title``."""
    text, path = said.get("query_text"), said.get("query_text_path")
    if text is None and path is not None:
        try:
            text = get_at(body, tuple(int(step) if step.isdigit() else step for step in str(path).split(".")))
        except (KeyError, IndexError, TypeError) as error:
            raise GatewayError(f"ext.hybrid.query_text_path leads nowhere: {path}.") from error
    if text is not None and not isinstance(text, str):
        raise GatewayError("The text that ext.hybrid names is no string.")
    return text


def _choose(name: str, value: Any, choices: tuple[Any, ...]) -> Any:
    if value is not None and value not in choices:
        raise GatewayError(f"{name} is {value!r}; say {' or '.join(choices)}.")
    return value
