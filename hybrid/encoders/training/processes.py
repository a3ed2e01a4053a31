"""Several processes that train one model: each computes its share of a batch, and all know all vectors (§3.2).

What they add up is the same as what one process computes. One of them tells how far training is; where one ends
before its time, the others are ended as well.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from ...errors import HybridError, ModelError

T = TypeVar("T")
#: Seconds that processes which were told to end are waited for.
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Together:
    """One process among those that train together."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes, and tells how far training is."""
        return self.rank == 0

    def share(self, things: Sequence[T]) -> Sequence[T]:
        """Give this process's share."""
        return things[self.rank :: self.size]

    def add(self, numbers: Tensor) -> None:
        """Replace numbers by the sum of all processes'."""
        if self.size > 1:
            distributed.all_reduce(numbers)

    def add_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Replace gradients by the sum of all processes'."""
        if self.size > 1:
            for weight in weights:
                if weight.grad is None:
                    weight.grad = torch.zeros_like(weight)
                distributed.all_reduce(weight.grad)


Tell = Callable[[Any], None]
Work = Callable[[Together, str, Tell], T]


def run_together(work: Work[T], devices: Sequence[str], tell: Tell) -> T:
    """Do the work on all devices, in a process each, and give what the first one gives; one device needs none."""
    if len(devices) == 1:
        return work(Together(), devices[0], tell)
    context = get_context("spawn")
    with tempfile.TemporaryDirectory() as place:
        store = Path(place) / "meeting"
        ends = [context.Pipe(duplex=False) for _ in devices]
        started = [
            context.Process(target=_enter, args=(work, rank, tuple(devices), store, sender), daemon=True)
            for rank, (_, sender) in enumerate(ends)
        ]
        try:
            for one, (_, sender) in zip(started, ends, strict=True):
                one.start()
                sender.close()
            result: T = _listen(started, [receiver for receiver, _ in ends], tell)
            return result
        finally:
            # Ctrl-C may come before all of them have begun.
            begun = [one for one in started if one.pid is not None]
            for one in begun:
                one.terminate()
            for one in begun:
                one.join(_PATIENCE)
                if one.is_alive():
                    one.kill()


def _listen(started: Sequence[Any], ends: Sequence[connection.Connection], tell: Tell) -> Any:
    """Pass on what processes tell, until the first has the result, or any has failed."""
    open_ends = list(ends)
    while open_ends:
        ready = connection.wait(open_ends)
        for end in [one for one in open_ends if one in ready]:
            try:
                kind, content = end.recv()
            except EOFError:
                open_ends.remove(end)
                process = started[ends.index(end)]
                process.join()
                if process.exitcode:
                    raise _explain(process.exitcode, open_ends) from None
                continue
            if kind == "done":
                return content
            if kind == "failed" and isinstance(content, HybridError):
                raise content
            tell(content)
    raise ModelError("The processes of the training ended without a result; give the same command again.")


def _explain(code: int, others: Sequence[connection.Connection]) -> HybridError:
    """Say why a process ended; others may have told of the cause, which comes before its effects."""
    for end in others:
        while end.poll():
            try:
                kind, content = end.recv()
            except EOFError:
                break
            if kind == "failed" and isinstance(content, HybridError):
                return content
    how = f"was killed by signal {-code}; was there memory enough?" if code < 0 else f"ended with exit code {code}."
    return ModelError(f"A process of the training {how} The same command goes on from the last state that was saved.")


def _enter(work: Work[T], rank: int, devices: Sequence[str], store: Path, sender: connection.Connection) -> None:
    """Do one process's share."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    on_gpu = devices[rank].startswith("cuda")
    try:
        if on_gpu:
            torch.cuda.set_device(devices[rank])
        distributed.init_process_group(
            "nccl" if on_gpu else "gloo", init_method=f"file://{store}", rank=rank, world_size=len(devices)
        )
        result = work(Together(rank, len(devices)), devices[rank], lambda told: sender.send(("told", told)))
        if rank == 0:
            sender.send(("done", result))
    except HybridError as error:
        sender.send(("failed", error))
    sender.close()


def _leave_with_parent() -> None:
    """End this process as soon as the one that started it is gone."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
