"""How far a long command is: a bar with rate and ETA on a terminal, a line now and then in a pipe."""

import sys
import time
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

#: Seconds between two lines in a pipe.
INTERVAL = 10.0


class Progress:
    """Shows one count that grows towards ``total``, on standard error; None where the total is not known."""

    def __init__(self, label: str, total: int | None = None):
        self._label = label
        self._total = total
        self._started = self._said = time.monotonic()
        self._done = 0
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:,.0f}/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bars.add_task(label, total=total, rate=0.0, note="")

    def estimate(self, done: int, share: float | None) -> None:
        """Work the total out from the share of the whole that ``done`` is."""
        if share and done:
            self._total = max(done, round(done / share))
            self._bars.update(self._task, total=self._total)

    def update(self, done: int, note: str = "") -> None:
        """Show that ``done`` of the whole are done."""
        self._done = done
        seconds = time.monotonic() - self._started
        rate = done / seconds if seconds else 0.0
        self._bars.update(self._task, completed=done, rate=rate, note=note)
        if self._bars.disable and time.monotonic() - self._said > INTERVAL:
            self._said = time.monotonic()
            click.echo(f"{self._label}: {self._describe(rate)} {note}".rstrip(), err=True)

    def _describe(self, rate: float) -> str:
        of_total = f" of {self._total:,}" if self._total else ""
        left = f", {(self._total - self._done) / rate:,.0f} s left" if self._total and rate else ""
        return f"{self._done:,}{of_total}, {rate:,.0f}/s{left}"

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
