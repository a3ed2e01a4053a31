"""What other systems found for the same questions: their runs go in, and come out judged as our own rankings are."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from .formats.files import read_bytes
from .judging import mark_answers
from .matching import match_answers
from .measuring import Judge, Places, find_places, measure_rankings
from .metrics import Values
from .questions import Question
from .rankings import Ranked, Ranking
from .runs import read_results, read_trec
from .texts import Texts
from .validate import EXAMPLES, Fault

_AT_ONCE = 64
_DEPTH = re.compile(r"\d+\Z")
_SUFFIXES = (".gz", ".json", ".trec", ".txt", ".run", ".tsv")


@dataclass(frozen=True, slots=True)
class Rival:
    """A system by its name, and what it found: a ranking for each question, empty where its file has none."""

    name: str
    rankings: tuple[Ranking, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a rival reached: a number a question by metric, and where it put what is right."""

    values: Mapping[str, Values]
    places: Sequence[Places]
    faults: Sequence[Fault]
    #: Down to which rank it goes.
    depth: int


def locate_rival(said: str) -> tuple[str, Path]:
    """Take ``NAME=FILE`` apart; a file alone is a name, too."""
    name, mark, file = said.partition("=")
    if not mark:
        name, file = Path(said).name, said
        while name.endswith(_SUFFIXES):
            name = name.rpartition(".")[0]
    if not name or not file:
        raise UsageError(f"--against {said!r} names no run; say a file, or NAME=FILE.")
    return name, Path(file)


def read_rival(said: str, questions: Sequence[Question]) -> Rival:
    """Read a run in TREC's, DPR's or Pyserini's form, and find each question's ranking in it.

    Questions are told by their text where the file has it, otherwise by their ids.
    """
    name, path = locate_rival(said)
    found = _read(path)
    by_text = any(one.question.text for one in found)
    known = {_name(one.question, by_text): one.passages for one in found}
    named = [_name(question, by_text) for question in questions]
    lacking = [question.id for question, own in zip(questions, named, strict=True) if own not in known]
    if len(lacking) == len(questions):
        raise UsageError(f"{path} ranks none of the questions; it tells them by {'text' if by_text else 'id'}.")
    return Rival(
        name,
        tuple(Ranking(question, known.get(own, ())) for question, own in zip(questions, named, strict=True)),
        _list_fault(f"questions without a ranking in {path.name}", lacking),
    )


def judge_rival(rival: Rival, judge: Judge, texts: Texts, total: int) -> Judged:
    """Judge a rival's rankings; what its file tells no text of is read from the index, which has ``total`` passages.

    A metric that looks further down than the rival's longest ranking goes is left out.
    """
    reach = judge.reach + judge.questions_are_documents
    cut = [dataclasses.replace(one, passages=one.passages[:reach]) for one in rival.rankings]
    if judge.by == "answers":
        rankings, looked_up, lacking = _mark(cut, texts)
    else:
        rankings = cut
        # The first of each tell whether ids are called alike.
        looked_up = list(dict.fromkeys(one.passages[0].id for one in cut if one.passages))
        known = texts.known(looked_up)
        lacking = [one for one in looked_up if one not in known]
    if looked_up and len(lacking) == len(looked_up):
        raise UsageError(f"{rival.name} ranks no passage of the index, {lacking[0]} for example.")
    longest = max(len(one.passages) for one in cut)
    values = {
        metric: column
        for metric, column in measure_rankings(rankings, judge).items()
        if longest >= min(_read_depth(metric) or judge.reach, total)
    }
    if not values:
        raise UsageError(f"{rival.name} ranks at most {longest} passages for a question, too few to compare.")
    return Judged(
        values,
        [find_places(ranking, judge) for ranking in rankings],
        [*rival.faults, *_list_fault(f"passages of {rival.name} that the index lacks", lacking)],
        longest if longest < min(judge.reach, total) else judge.reach,
    )


def _read(path: Path) -> list[Ranking]:
    is_json = read_bytes(path).lstrip()[:1] in (b"[", b"{")
    try:
        return read_results(path) if is_json else read_trec(path)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def _mark(rankings: Sequence[Ranking], texts: Texts) -> tuple[list[Ranking], list[str], list[str]]:
    """Say of each passage whether it holds an answer; give the ids that were looked up, and those with no text."""
    marked, looked_up, lacking = [], [], []
    for start in range(0, len(rankings), _AT_ONCE):
        some = rankings[start : start + _AT_ONCE]
        wanted = [one.id for ranking in some for one in ranking.passages if not one.text]
        stored = {name: one.text for name, one in texts.get(wanted).items()}
        looked_up += wanted
        lacking += [one for one in wanted if one not in stored]
        for ranking in some:
            read = tuple(
                Ranked(one.id, one.score, text=one.text or stored.get(one.id, "")) for one in ranking.passages
            )
            marked.append(mark_answers(Ranking(ranking.question, read), match_answers(ranking.question)))
    return marked, looked_up, lacking


def _name(question: Question, by_text: bool) -> str:
    return " ".join(question.text.split()) if by_text else question.id


def _read_depth(metric: str) -> int | None:
    found = _DEPTH.search(metric)
    return int(found.group()) if found else None


def _list_fault(name: str, found: Sequence[str]) -> tuple[Fault, ...]:
    return (Fault(name, len(found), tuple(found[:EXAMPLES])),) if found else ()
