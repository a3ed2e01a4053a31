"""Files of questions, written and read."""

from pathlib import Path
from typing import Any

import pytest

from hybrid.errors import HybridError
from hybrid.evaluation.questions import Question
from hybrid.evaluation.sources import read_questions


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def questions(path: Path, **options: Any) -> list[Question]:
    return list(read_questions(path, **options).questions)


def refusal(path: Path, **options: Any) -> str:
    """Give what is said of a file that is broken."""
    with pytest.raises(HybridError) as caught:
        questions(path, **options)
    return str(caught.value)
