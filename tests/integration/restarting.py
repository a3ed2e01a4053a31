"""A node of a test's own that is stopped or killed, and started again on its data and its port."""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.services.health import is_ready
from tests.services.node import Plan, plans, prepare
from tests.services.processes import Leashed, remove_folder, tail, wait_until


@dataclass(slots=True)
class Restartable:
    """A node whose data outlives its process."""

    plan: Plan
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _process: Leashed | None = None

    @property
    def url(self) -> str:
        return self.plan.url

    def start(self) -> None:
        """Start the node without waiting until it answers."""
        # What goes with the process is a folder of its own; the data stay.
        folder = self.plan.folder / f"run-{next(self._numbers)}"
        folder.mkdir(parents=True)
        self._process = Leashed(prepare(self.plan), folder=folder, log=self.plan.log)

    def wait_ready(self) -> None:
        process = self._process
        assert process is not None
        wait_until(
            lambda: is_ready(self.url),
            ended=process.ended,
            evidence=lambda: tail(self.plan.log),
            what="OpenSearch",
        )

    def stop(self) -> None:
        """End the node as SIGTERM does."""
        assert self._process is not None
        self._process.stop()

    def kill(self) -> None:
        """End the node as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.stop()


@contextlib.contextmanager
def restartable_node(heap: str = "512m") -> Iterator[Restartable]:
    """Yield a running node; it is gone with its data afterwards."""
    (plan,) = plans(1, heap, {})
    node = Restartable(plan)
    try:
        node.start()
        node.wait_ready()
        yield node
    finally:
        node.stop()
        remove_folder(plan.folder)
