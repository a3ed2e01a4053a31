"""``hybrid doctor INDEX``."""

import dataclasses

import click

from ..index import examine_index
from ..records import Check
from .options import index_argument, json_option
from .output import print_json, print_rows


@click.command("doctor")
@index_argument
@json_option
def command(index: str, as_json: bool) -> int:
    """Check that the cluster and the index are fit for exact hybrid queries.

    Exit code 1 if a check fails; missing vectors and deleted passages are worth a warning only.
    """
    checks = examine_index(index)
    if as_json:
        print_json({"checks": [dataclasses.asdict(check) for check in checks], "healthy": is_healthy(checks)})
    else:
        print_rows(("check", "", "detail"), [(check.name, _mark(check), check.detail) for check in checks])
    return 0 if is_healthy(checks) else 1


_WARNINGS = frozenset({"coverage", "settled"})


def is_healthy(checks: list[Check]) -> bool:
    """Tell whether nothing stands in the way of right scores."""
    return not any(check.passed is False for check in checks if check.name not in _WARNINGS)


def _mark(check: Check) -> str:
    if check.name in _WARNINGS and check.passed is False:
        return "warning"
    return {True: "ok", False: "FAILED", None: "?"}[check.passed]
