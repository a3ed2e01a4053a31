"""The flow of mining: questions go in, a file of DPR's JSON comes out, and a report.

First every question gets its positives, then those that have some get negatives. Each step's lines are kept beside
the file, so that a killed command goes on; a batch that was not finished is done again as a whole, because vectors
that are encoded together depend on each other in their last bits. The file is written from the lines, and put in its
place whole.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from ..engines.contract import Index
from ..errors import HybridError, UsageError, VectorError
from ..evaluation.kept import begin_kept, open_kept
from ..evaluation.runs import save
from ..evaluation.texts import Texts
from ..evaluation.validate import Fault
from ..questions import QuestionEncoder
from ..requests import Vectors
from ..training.dpr_json import Context, Row, is_lines, write_rows
from .distant import find_distant
from .gold import find_gold
from .lines import (
    BATCH,
    NOTHING,
    count_whole,
    describe,
    name_kept,
    read_all_found,
    read_all_taken,
    write_found,
    write_taken,
)
from .negatives import Asked, Negatives, Taken
from .plan import SEARCHED, Kind, Plan
from .pools import sample_ids
from .positives import Found
from .report import Report
from .wanted import Wanted

#: Told the step, how many are done of it, and of how many.
OnProgress = Callable[[str, int, int], None]


def mine(
    index: Index,
    address: str,
    wanted: Sequence[Wanted],
    vectors: Vectors | None,
    plan: Plan,
    out: Path,
    *,
    dataset: str = "",
    faults: Sequence[Fault] = (),
    on_progress: OnProgress = lambda *_: None,
) -> Report:
    """Write ``out`` with what is mined for questions; ``vectors`` are theirs, a row each, if there are any.

    ``address`` names the index to whoever goes on with a command that was killed.
    """
    check(index, wanted, vectors, plan, out)
    report, path = Report(tuple(faults)), name_kept(out)
    with open_kept(path) as kept:
        head = describe(index, address, wanted, vectors, plan)
        done = begin_kept(kept, head, holds="what was mined for", use=lambda lines: count_whole(lines, len(wanted)))
        report.resumed = min(done, len(wanted))
        _keep_positives(kept, index, wanted, plan, done, on_progress)
        _keep_negatives(kept, index, wanted, vectors, plan, max(0, done - len(wanted)), on_progress)
        rows = _join(path, wanted, plan, dataset, report)
        # The file is begun when there is a row to write.
        first = list(islice(rows, 1))
        if first:
            save(out, write_rows(chain(first, rows), lines=is_lines(out)))
    path.unlink()
    if not first:
        why = "; ".join(f"{reason}: {one.count}" for reason, one in report.dropped.items())
        raise HybridError(f"None of {len(wanted)} questions has a positive ({why}); {out} was not written.")
    return report


def check(index: Index, wanted: Sequence[Wanted], vectors: Vectors | None, plan: Plan, out: Path) -> None:
    """Refuse what cannot end well, before any work is done."""
    if not wanted:
        raise UsageError("There is no question to mine for.")
    if out.suffix not in (".json", ".jsonl"):
        raise UsageError(f"{out} does not say what to write; name it .json or .jsonl.")
    if plan.positives == "gold" and not any(one.golds for one in wanted):
        raise UsageError("No question brings a passage that is right for it; ask for distant positives.")
    if plan.positives == "distant" and not any(one.question.answers for one in wanted):
        raise UsageError("No question has an answer to look for; ask for gold positives.")
    if plan.wants_vectors and vectors is None and index.profile.question_tower is None:
        raise VectorError(
            "Dense and hybrid negatives, and a margin, need the questions' vectors, and the index names no encoder; "
            "give the vectors, or mine bm25, random and gold negatives only."
        )
    if vectors is not None and len(vectors) != len(wanted):
        raise UsageError(f"There are {len(wanted)} questions and {len(vectors)} vectors; give one for each.")


def _keep_positives(
    kept: BinaryIO, index: Index, wanted: Sequence[Wanted], plan: Plan, done: int, on_progress: OnProgress
) -> None:
    texts, answered = Texts(index), any(one.question.answers for one in wanted)
    for start in range(done, len(wanted), BATCH):
        on_progress("positives", start, len(wanted))
        some = wanted[start : start + BATCH]
        if plan.positives == "gold":
            found = find_gold(index, texts, some, plan, answered=answered)
        else:
            found = find_distant(index, some, plan)
        kept.write(b"".join(map(write_found, found)))
        kept.flush()
    on_progress("positives", len(wanted), len(wanted))


def _keep_negatives(
    kept: BinaryIO,
    index: Index,
    wanted: Sequence[Wanted],
    vectors: Vectors | None,
    plan: Plan,
    done: int,
    on_progress: OnProgress,
) -> None:
    if done < len(wanted):
        path = Path(kept.name)
        pools = _make_pools(path, index, len(wanted), plan, on_progress)
        negatives, encoder = Negatives(index, Texts(index), plan, pools), QuestionEncoder()
        positives = islice(read_all_found(path, len(wanted)), done, None)
        for start in range(done, len(wanted), BATCH):
            on_progress("negatives", start, len(wanted))
            batch = wanted[start : start + BATCH]
            asked = _ask_for(batch, start, positives)
            taken = negatives.find(asked, _pick_vectors(encoder, index, asked, vectors, plan))
            lines = dict(zip((one.place for one in asked), map(write_taken, taken), strict=True))
            kept.write(b"".join(lines.get(start + number, NOTHING) for number in range(len(batch))))
            kept.flush()
    on_progress("negatives", len(wanted), len(wanted))


def _ask_for(batch: Sequence[Wanted], start: int, positives: Iterator[Found]) -> list[Asked]:
    """Give the questions of a batch that have positives."""
    found = zip(batch, islice(positives, len(batch)), strict=True)
    return [
        Asked(start + number, one.question, own.positives) for number, (one, own) in enumerate(found) if own.positives
    ]


def _pick_vectors(
    encoder: QuestionEncoder, index: Index, asked: Sequence[Asked], vectors: Vectors | None, plan: Plan
) -> Vectors | None:
    if not plan.wants_vectors or not asked:
        return None
    if vectors is not None:
        return [vectors[one.place] for one in asked]
    return encoder.encode(index.profile, [one.question.text for one in asked])


def _make_pools(
    path: Path, index: Index, questions: int, plan: Plan, on_progress: OnProgress
) -> dict[Kind, Sequence[str]]:
    """Give the ids that are drawn from, for the kinds that are wanted."""
    pools: dict[Kind, Sequence[str]] = {}
    if "random" in plan.negatives:
        total = index.status().passages
        pools["random"] = sample_ids(index.ids(), plan.seed, on_progress=lambda done: on_progress("ids", done, total))
    if "gold" in plan.negatives:
        found = read_all_found(path, questions)
        pools["gold"] = list(dict.fromkeys(one.id for own in found for one in _choose(own.positives, plan)))
    return pools


def _choose(positives: Sequence[Context], plan: Plan) -> Sequence[Context]:
    """Give those positives that are written."""
    return positives if plan.all_positives else positives[:1]


def _join(path: Path, wanted: Sequence[Wanted], plan: Plan, dataset: str, report: Report) -> Iterator[Row]:
    """Give the rows of questions that have positives, and tell the report of all."""
    found, taken = read_all_found(path, len(wanted)), read_all_taken(path, len(wanted))
    for one, own, negatives in zip(wanted, found, taken, strict=True):
        report.add_positives(one, own)
        if not own.positives:
            continue
        report.add_negatives(one, plan.negatives, negatives)
        positives = tuple(_choose(own.positives, plan))
        report.positives += len(positives)
        yield Row(
            question=one.question.text,
            answers=one.question.answers,
            positives=positives,
            hard_negatives=_gather(negatives, hard=True),
            negatives=_gather(negatives, hard=False),
            dataset=dataset,
            patterns=one.question.answers_are_patterns,
        )


def _gather(taken: Mapping[Kind, Taken], *, hard: bool) -> tuple[Context, ...]:
    return tuple(one for kind, own in taken.items() if (kind in SEARCHED) == hard for one in own.passages)
