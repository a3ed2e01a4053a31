"""``hybrid compare LOG...``."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

import click

from ..errors import UsageError
from .options import json_option
from .output import print_json, print_rows

#: What stands before the JSON in a line of the gateway's log.
_MARK = "shadow {"


@click.command("compare")
@click.argument(
    "logs", nargs=-1, required=True, type=click.File(encoding="utf-8", errors="replace"), metavar="LOG..."
)
@json_option
def command(logs: tuple[TextIO, ...], as_json: bool) -> None:
    r"""Sum up what the gateway logged of searches in mode shadow: how hybrid would have changed them.

    \b
    hybrid serve --name articles=articles-hybrid --mode articles=shadow 2> gateway.log
    hybrid compare gateway.log
    """
    searches = [said for log in logs for said in _read(log)]
    if not searches:
        raise UsageError("No search in mode shadow is logged there; say hybrid serve --mode NAME=shadow.")
    reports = [summarize(index, searches) for index in sorted({str(one["index"]) for one in searches})]
    if as_json:
        print_json({"indexes": reports})
        return
    for report in reports:
        print_rows((report["index"], ""), [(name, str(value)) for name, value in report.items() if name != "index"])


def summarize(index: str, searches: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum one index's searches up; shares are those of the searches that hybrid answered."""
    own = [one for one in searches if one["index"] == index]
    hybrid = [one for one in own if str(one["hybrid"]).startswith("on")]
    hits = sum(one["hits"] for one in hybrid)
    lexical = Counter(str(one["hybrid"]).partition("reason=")[2].partition(";")[0] or "unknown"
                      for one in own if one not in hybrid)  # fmt: skip
    return {
        "index": index,
        "searches": len(own),
        "different_texts": len({one["text"] for one in own}),
        "hybrid": len(hybrid),
        "first_hit_changed": _share(sum(not one["same_first"] for one in hybrid), len(hybrid)),
        "hits_that_are_new": _share(sum(one["new"] for one in hybrid), hits),
        "nothing_before": sum(one["totals"][0] == 0 and one["hits"] > 0 for one in hybrid),
        **{f"lexical, {reason}": number for reason, number in lexical.most_common()},
    }


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _read(log: TextIO) -> Iterator[dict[str, Any]]:
    for line in log:
        _, mark, rest = line.partition(_MARK)
        if mark:
            try:
                yield json.loads("{" + rest)
            except json.JSONDecodeError:
                continue  # A line that was cut off, or one of somebody else's.
