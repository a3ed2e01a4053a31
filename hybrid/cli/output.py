"""How results look: tables and colour on a terminal, plain tab-separated lines in a pipe, JSON when asked for."""

import shutil
import sys
import textwrap
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
    """Print a table, whose first ``numbers`` columns are numbers; plain lines without a header in a pipe.

    Where a table is too wide its texts go on in the next line, and nothing is cut off.
    """
    if not on_terminal():
        for row in rows:
            click.echo("\t".join(map(plain, row)))
        return
    table = Table(box=None, header_style="bold", pad_edge=False, show_header=any(header))
    for place, name in enumerate(header):
        number = place < numbers
        table.add_column(name, justify="right" if number else "left", no_wrap=number, overflow="fold")
    for row in rows:
        table.add_row(*(plain(cell).replace("[", r"\[") for cell in row))
    Console().print(table)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names with what is so of each; what ``hold`` gave stays on one line."""
    rows = list(facts)
    if not on_terminal():
        print_rows(("", ""), rows)
        return
    indent = max(len(name) for name, _ in rows) + 2
    width = max(shutil.get_terminal_size().columns - indent, indent)
    for name, fact in rows:
        lines = textwrap.wrap(fact, width, break_long_words=False, break_on_hyphens=False)
        for place, line in enumerate(lines or [""]):
            click.echo(f"{'' if place else plain(name):<{indent}}{plain(line)}")


def hold(text: str) -> str:
    """Keep words together on a line of ``print_facts``."""
    return text.replace(" ", "\xa0")


def count(number: int, noun: str) -> str:
    """Write how many there are of something, such as ``1 hit`` and ``2 hits``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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


_SEPARATORS = str.maketrans({"\t": " ", "\n": " ", "\r": " ", "\xa0": " "})
