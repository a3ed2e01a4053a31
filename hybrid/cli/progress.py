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
    """Shows one count that grows towards ``total``, on standard error; None where the total is not known.

    A second one may stand ``beside`` the first, which is the one to enter.
    """

    def __init__(self, label: str, total: int | None = None, *, beside: "Progress | None" = None):
        self._label = label
        self._total = total
        self._said = time.monotonic()
        #: The first count and its time: what was done before it may be an earlier command's work.
        self._first: tuple[int, float] | None = None
        self._bars: Bars = beside._bars if beside else _draw_bars()
        self._task = self._bars.add_task(label, total=total, rate="", note="")

    def begin(self, label: str, done: int, total: int | None) -> None:
        """Begin to count something else, of which ``done`` are done already."""
        self._label, self._total, self._first = label, total, (done, time.monotonic())
        self._bars.reset(self._task, description=label, total=total, completed=done, rate="", note="")

    def estimate(self, done: int, share: float | None) -> None:
        """Work the total out from the share of the whole that ``done`` is; at the very end nobody can tell."""
        if share and done:
            self.expect(round(done / share) if share < 1 else None)

    def expect(self, total: int | None) -> None:
        """Show that the whole is so much."""
        self._total = total
        self._bars.tasks[self._task].total = total

    def update(self, done: int, note: str = "") -> None:
        """Show that ``done`` of the whole are done."""
        now = time.monotonic()
        before, since = self._first = self._first or (done, now)
        rate = (done - before) / (now - since) if now > since else 0.0
        self._bars.update(self._task, completed=done, rate=_tell(rate), note=note)
        if self._bars.disable and now - self._said > INTERVAL:
            self._said = now
            click.echo(f"{self._label}: {self._describe(done, rate, note)}", err=True)

    def _describe(self, done: int, rate: float, note: str) -> str:
        of_total = f" of {self._total:,}" if self._total else ""
        left = f"{(self._total - done) / rate:,.0f} s left" if self._total and rate else ""
        return ", ".join(filter(None, (f"{done:,}{of_total}", _tell(rate), left, note)))

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()


def _tell(rate: float) -> str:
    """Say how many come in a second, or how long one takes."""
    if not rate:
        return ""
    return f"{rate:,.0f}/s" if rate >= 1 else f"{1 / rate:,.1f} s each"


def _draw_bars() -> Bars:
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
