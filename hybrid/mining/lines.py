"""What is kept between two commands: a head that says what is mined, then a line a question for each step."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ..engines.contract import Index
from ..evaluation.kept import read_kept
from ..profile import to_meta
from ..requests import Vectors
from ..training.dpr_json import Context
from .negatives import Taken
from .plan import Kind, Plan
from .positives import Found
from .wanted import Wanted

#: Questions that are dealt with together and kept together.
BATCH = 32

#: A question without positives has no negatives either.
NOTHING = b"null\n"


def name_kept(out: Path) -> Path:
    """Name the file beside the output that holds what was mined so far."""
    return out.with_name(f"{out.name}.mined")


def describe(index: Index, address: str, wanted: Sequence[Wanted], vectors: Vectors | None, plan: Plan) -> bytes:
    """Write down all that the result depends on, as far as it is known without asking."""
    asked = hashlib.sha256()
    for one in wanted:
        asked.update(orjson.dumps(one))
    if vectors is not None:
        asked.update(np.asarray(vectors, dtype=np.float32).tobytes())
    said = {
        "index": address,
        "moment": index.moment(),
        "profile": to_meta(index.profile),
        "plan": {**asdict(plan), "negatives": list(plan.negatives.items())},
        "questions": asked.hexdigest(),
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS) + b"\n"


def count_whole(lines: int, questions: int) -> int:
    """Give how many lines are of whole batches; the first step's last batch may be a short one."""
    begun = lines % questions
    return min(lines - begun + begun // BATCH * BATCH, 2 * questions)


def write_found(found: Found) -> bytes:
    """Write what became of a question's positives."""
    return orjson.dumps(found) + b"\n"


def read_all_found(path: Path, questions: int) -> Iterator[Found]:
    """Read the lines of the first step."""
    for line in _read(path, 0, questions):
        left_out = tuple((reason, name) for reason, name in line["left_out"])
        yield Found(_read_contexts(line["positives"]), line["dropped"], left_out)


def write_taken(taken: Mapping[Kind, Taken]) -> bytes:
    """Write a question's negatives."""
    return orjson.dumps(taken) + b"\n"


def read_all_taken(path: Path, questions: int) -> Iterator[dict[Kind, Taken]]:
    """Read the lines of the second step; a question without positives has nothing."""
    for line in _read(path, questions, None):
        yield {
            kind: Taken(
                list(_read_contexts(one["passages"])), Counter(one["left_out"]), one["first"], one["unbounded"]
            )
            for kind, one in (line or {}).items()
        }


def _read(path: Path, start: int, stop: int | None) -> Iterator[Any]:
    with path.open("rb") as file:
        yield from islice(read_kept(file), start, stop)


def _read_contexts(found: list[dict[str, Any]]) -> tuple[Context, ...]:
    return tuple(Context(**one) for one in found)
