"""What happens to an index in a folder, step by step, drawn from a seed; each step is one commit, or changes nothing.

``python -m tests.local_story FOLDER SEED MOMENT`` tells a story, says ``N`` when step N is done, and is killed at its
moment: before or after the given one of the calls by which it touches the disk.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import numpy as np

from hybrid.engines.local import segments
from hybrid.index import create_index, open_index
from hybrid.passages import Passage, Vector
from tests.conftest import small_profile
from tests.local_model import DIMENSION, Model

Kind = Literal["add", "delete", "document", "fill", "settle", "reopen"]
KINDS: tuple[Kind, ...] = ("add", "delete", "document", "fill", "settle", "reopen")
CHANCES = (0.6, 0.13, 0.07, 0.1, 0.05, 0.05)
STEPS = 25
ROOT = Path(__file__).parents[1]
MERGE_FACTOR = 3
TOUCHES = {
    *("execute", "executemany", "executescript", "connect"),
    *("open", "write", "flush", "fsync", "close", "unlink", "mkdir", "rename", "flock"),
}
WORDS = [f"w{number}" for number in range(12)]


@dataclass(frozen=True, slots=True)
class Step:
    """One change of an index."""

    kind: Kind
    passages: tuple[Passage, ...] = ()
    ids: tuple[str, ...] = ()


def make_story(seed: int) -> list[Step]:
    """Draw what happens after an index was made."""
    rng = np.random.default_rng(seed)
    steps = []
    for number in range(STEPS):
        kind = KINDS[rng.choice(len(KINDS), p=CHANCES)] if number else "add"
        size = int(rng.integers(1, 40))
        ids = tuple(f"{'d' if kind == 'document' else 'p'}{rng.integers(0, 60)}" for _ in range(size))
        passages = tuple(_draw_passage(name, rng) for name in ids) if kind == "add" else ()
        steps.append(Step(kind, passages, ids))
    return steps


def _draw_passage(name: str, rng: np.random.Generator) -> Passage:
    text = " ".join(rng.choice(WORDS, size=int(rng.integers(0, 12))))
    vector = None if rng.random() < 0.3 else rng.integers(-3, 4, size=DIMENSION).astype(np.float32)
    return Passage(name, text, document_id=f"d{int(name[1:]) % 20}", meta={"part": len(text) % 3}, vector=vector)


def encode(pairs: Sequence[tuple[str, str]]) -> list[Vector | str]:
    """Give vectors that depend on the text, and none for texts without words."""
    return [
        np.array([len(text), 1, -1], dtype=np.float32) if text else "there is nothing to read" for _, text in pairs
    ]


def apply(model: Model, step: Step) -> None:
    """Do to the model what a step does to the index."""
    if step.kind == "add":
        model.add(step.passages)
    elif step.kind == "delete":
        model.delete(step.ids)
    elif step.kind == "document":
        model.delete_documents(step.ids)
    elif step.kind == "fill":
        pending = model.pending
        outcomes = encode([(one.title, one.text) for one in pending])
        model.fill({one.id: outcome for one, outcome in zip(pending, outcomes, strict=True)})


class Teller:
    """Tells steps to the index in a folder, which is made if it is not there."""

    def __init__(self, folder: Path):
        self._address = str(folder)
        if not (folder / "index.sqlite").exists():
            create_index(self._address, small_profile(dimension=DIMENSION, analyzer="standard"))
        self._index = open_index(self._address)

    def tell(self, step: Step) -> None:
        """Change the index."""
        acts: dict[Kind, Callable[[], Any]] = {
            "add": lambda: self._index.add(step.passages),
            "delete": lambda: self._index.delete(step.ids),
            "document": lambda: self._index.delete_documents(step.ids),
            "fill": self._fill,
            "settle": self._index.settle,
            "reopen": self._reopen,
        }
        acts[step.kind]()

    def _fill(self) -> None:
        try:
            list(self._index.intake().fill_pending(encode, 10_000))
        finally:
            # The writing side is open until the index is closed.
            self._reopen()

    def _reopen(self) -> None:
        self.close()
        self._index = open_index(self._address)

    def close(self) -> None:
        """Let go of the folder."""
        self._index.close()


def kill_at(moment: int) -> Callable[[], int]:
    """Kill this process at the moment; gives a function that counts how many there were."""
    moments = 0

    def count(_frame: FrameType, event: str, argument: Any) -> None:
        nonlocal moments
        if event in ("c_call", "c_return") and argument.__name__ in TOUCHES:
            moments += 1
            if moments == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    return lambda: moments


def main() -> None:
    folder, seed, moment = sys.argv[1:]
    segments.MERGE_FACTOR = MERGE_FACTOR
    count = kill_at(int(moment))
    teller = Teller(Path(folder))
    print("made", flush=True)
    for number, step in enumerate(make_story(int(seed))):
        teller.tell(step)
        print(number, flush=True)
    teller.close()
    sys.setprofile(None)
    print(f"{count()} moments", flush=True)


if __name__ == "__main__":
    main()
