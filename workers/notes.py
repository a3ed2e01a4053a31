"""What the workers of a machine note of themselves, each in a file of its own."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hybrid.settings import Settings


@dataclass(frozen=True, slots=True)
class Health:
    """How a worker is, as it says itself."""

    node: str
    pid: int
    #: When it said so, in seconds since 1970.
    time: float
    #: What is wrong, in words; empty if nothing is.
    trouble: str
    #: What its feeder is waiting for.
    waits_for: str
    waiting: int = 0
    taken: int = 0
    done: dict[str, int] = field(default_factory=dict)


def note_path(settings: Settings, node: str) -> Path:
    """Give the file of a worker."""
    return _folder(settings) / f"{node.replace('/', '-')}.json"


def write_note(path: Path, health: Health) -> None:
    """Write how a worker is, so that nobody reads half of it."""
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(dataclasses.asdict(health)), encoding="utf-8")
    aside.replace(path)


def read_notes(settings: Settings) -> Iterator[Health]:
    """Read how the workers of this machine are; the twin of ``write_note``."""
    for path in sorted(_folder(settings).glob("*.json")):
        yield Health(**json.loads(path.read_text(encoding="utf-8")))


def _folder(settings: Settings) -> Path:
    return settings.state_folder / "workers"
