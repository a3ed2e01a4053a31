"""A number beside a field of text: ``--where 'year>=2000'`` would compare letters, and is refused."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..address import GatewayAddress, parse_address
from ..engines.contract import Index
from ..errors import FilterError
from ..filters import parse_condition
from ..passages import META
from ..settings import read_settings

_PREFIX = f"{META}."


def check_ranges(opened: Index, address: str, conditions: Sequence[str]) -> None:
    """Refuse conditions that compare a number with text; a gateway does not tell which fields hold any."""
    compared = {field: text for text in conditions for field in _list_compared(parse_condition(text))}
    if not compared or isinstance(parse_address(address, read_settings()), GatewayAddress):
        return
    types = opened.meta_types()
    for field, text in compared.items():
        if types.get(field) == "keyword":
            raise FilterError(
                f"{field} holds text, of which {text!r} would compare the letters: fill a new index with --type "
                f"{field}=long, or put the number in double quotes if letters are meant."
            )


def _list_compared(clause: Mapping[str, Any]) -> Iterator[str]:
    """Name the metadata that a condition compares with a number."""
    for field, body in clause.get("range", {}).items():
        if field.startswith(_PREFIX) and any(isinstance(value, int | float) for value in body.values()):
            yield field.removeprefix(_PREFIX)
