"""The command run inside the test, with all that it says."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from hybrid.cli.main import run


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Say = Callable[..., Said]


def speaker(capsys: pytest.CaptureFixture[str]) -> Say:
    """Give a function that runs the command."""

    def say(*arguments: object) -> Said:
        capsys.readouterr()
        code = run([str(one) for one in arguments])
        return Said(code, *capsys.readouterr())

    return say


def one_line(said: Said) -> str:
    """Fail unless a mistake is told in one line, below click's usage if the arguments were wrong."""
    assert "Traceback" not in said.err
    assert said.out == ""
    lines = said.err.rstrip("\n").splitlines()
    assert lines[-1].startswith(("hybrid: ", "Error: "))
    assert len(lines) == 1 or lines[0].startswith("Usage: ")
    return lines[-1]
