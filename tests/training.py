"""Rows to train a tiny encoder on, and what the processes of a training do in tests. Imported by new processes."""

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any

from hybrid.encoders.training.processes import Together
from hybrid.errors import UsageError
from hybrid.training.dpr_json import Context, Row

WORDS = ("moon", "tide", "ocean", "gravity", "who", "what", "wrote", "pulls")
ROWS = [
    Row(
        f"{word} {word}",
        (word,),
        (Context("", f"{word} {word} query", word),),
        (Context("", f"the passage {'a' * number}"),),
        (Context("tides", f"query query {'b' * number}"),),
    )
    for number, word in enumerate(WORDS, 1)
]

#: Longer passages, of which a batch makes several parts.
LONG_ROWS = [
    dataclasses.replace(one, positives=(Context("", f"{one.positives[0].text} {'tide moon ' * 40}"),)) for one in ROWS
] + [Row(f"{word} ocean", (), (Context("", f"{word} gravity " * 40),)) for word in WORDS]

#: Two steps an epoch, each in several parts, and a state after each.
QUICK_PLAN: dict[str, Any] = {
    "epochs": 3,
    "batch": 4,
    "lr": 1e-3,
    "precision": "fp32",
    "chunk_tokens": 24,
    "save_every": 1,
}


def train_until_killed(start: str, target: str) -> None:
    """Train by the quick plan up to its fourth step, and be killed there; on one thread, as whoever goes on."""
    import torch

    from hybrid.encoders.training.loop import Plan, Told, Training

    def strike(told: Told) -> None:
        if told.step == 4:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    Training(Path(target), start, Plan(**QUICK_PLAN), ROWS, ROWS, "cpu").run(strike)


def be_killed(together: Together, _: str, __: Any) -> None:
    """End the second process as the system ends one where memory runs out; the first waits for it."""
    import torch

    if together.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    together.add(torch.ones(3))


def refuse(together: Together, _: str, __: Any) -> None:
    """Refuse to go on in the second process; the first waits for it."""
    import torch

    if together.rank == 1:
        raise UsageError("the second one has had enough.")
    together.add(torch.ones(3))
