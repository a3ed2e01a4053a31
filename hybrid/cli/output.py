"""How results look: tables and colour on a terminal, plain tab-separated lines in a pipe, JSON when asked for."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

#: Exit code of a command that left something out.
FINISHED_WITH_REJECTS = 3
#: Exit code of a command that was stopped by Ctrl-C.
INTERRUPTED = 130


def on_terminal() -> bool:
    """Tell whether a person reads along."""
    return sys.stdout.isatty()


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode())


def print_rows(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int = 0) -> None:
    """Print a table, whose first ``numbers`` columns are numbers; plain lines without a header in a pipe."""
    if not on_terminal():
        for row in rows:
            click.echo("\t".join(map(plain, row)))
        return
    table = Table(box=None, header_style="bold", pad_edge=False, show_header=any(header))
    for place, name in enumerate(header):
        last = place == len(header) - 1
        table.add_column(name, justify="right" if place < numbers else "left", no_wrap=not last)
    for row in rows:
        table.add_row(*(plain(cell).replace("[", r"\[") for cell in row))
    Console().print(table)


def say(line: str) -> None:
    """Tell a person what goes on, beside the results."""
    click.echo(line, err=True)


def plain(text: str) -> str:
    """Take out of a text what would break a line or steer a terminal."""
    if text.isprintable():
        return text
    text = text.translate(_SEPARATORS)
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def flatten(text: str) -> str:
    """Put a text on one line, with single spaces and nothing that steers a terminal."""
    return plain(" ".join(text.split()))


def shorten(text: str, length: int) -> str:
    """Give the beginning of a text on one line."""
    flat = flatten(text)
    return flat if len(flat) <= length else f"{flat[: length - 1]}…"


_SEPARATORS = str.maketrans({"\t": " ", "\n": " ", "\r": " "})
