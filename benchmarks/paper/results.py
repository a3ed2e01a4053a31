"""Finished work, a file each: what was measured once is not measured again."""

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.paper.figures import Run


class Results:
    """A folder of runs by the name of the work that gave them."""

    def __init__(self, folder: Path):
        self._folder = folder

    def find(self, name: str) -> list[Run] | None:
        """Give the runs of that name, if they are finished."""
        path = self._place(name)
        return [Run(**run) for run in json.loads(path.read_text("utf-8"))] if path.is_file() else None

    def keep(self, name: str, runs: Sequence[Run]) -> None:
        """Write finished runs down."""
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._place(name).with_suffix(".part")
        fresh.write_text(json.dumps([dataclasses.asdict(run) for run in runs], ensure_ascii=False), "utf-8")
        os.replace(fresh, self._place(name))

    def _place(self, name: str) -> Path:
        return self._folder / f"{name}.json"
