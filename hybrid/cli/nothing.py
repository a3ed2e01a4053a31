"""Why a search found nothing: the index is empty, or a filter names a field that no passage has."""

from collections.abc import Collection, Sequence

from ..address import GatewayAddress, parse_address
from ..engines.contract import Index
from ..filters import name_fields
from ..passages import META, OWN_FIELDS
from ..requests import Filter
from ..settings import read_settings

_NOTHING = "Nothing was found"
_PREFIX = f"{META}."


def explain_nothing(opened: Index, address: str, filters: Filter) -> str:
    """Say that nothing was found in the index at ``address``, and why, as far as that can be seen.

    A gateway tells neither how many passages there are nor which fields they have.
    """
    behind = isinstance(parse_address(address, read_settings()), GatewayAddress)
    if not behind and not opened.status().passages:
        return f"{_NOTHING}: the index is empty; fill it with hybrid ingest {address} FILE"
    fields = dict.fromkeys(name_fields(filters))
    if opened.profile.text_fields:
        return _explain_adopted(fields)
    if behind:
        return f"{_NOTHING}."
    known = [f"{_PREFIX}{name}" for name in sorted(opened.meta_types())]
    unknown = [field for field in fields if not _is_known(field, known)]
    return f"{_NOTHING}{_tell_unknown(unknown, known)}."


def _explain_adopted(fields: Collection[str]) -> str:
    """Say how an adopted index is filtered: its documents are as they were, without ``meta``."""
    if any(field.startswith(_PREFIX) for field in fields):
        return f'{_NOTHING}: an adopted index is filtered by its own fields: --filter \'{{"term": {{"FIELD": …}}}}\''
    return f"{_NOTHING}."


def _is_known(field: str, known: Collection[str]) -> bool:
    """Tell whether a field is one of our own, one of metadata, or an object that holds some."""
    return field in OWN_FIELDS or field in known or any(one.startswith(f"{field}.") for one in known)


def _tell_unknown(unknown: Sequence[str], known: Sequence[str]) -> str:
    if not unknown:
        return ""
    if all(field.startswith(_PREFIX) for field in unknown):
        told, there = [field.removeprefix(_PREFIX) for field in unknown], [one.removeprefix(_PREFIX) for one in known]
        return f": no passage has the metadata field {' or '.join(told)}; there are {', '.join(there) or 'none'}"
    metadata = f"those of metadata are {', '.join(known)}" if known else "there is no metadata"
    return f": no passage has the field {' or '.join(unknown)}; {metadata}"
