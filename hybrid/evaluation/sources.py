"""From what a person names to questions: a file or a folder goes in, a ``QuestionSet`` comes out."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from ..errors import UsageError
from .formats.files import read_bytes
from .formats.folders import DEFAULT_SPLIT, read_beir, read_squad_sentences, read_trec_folder
from .formats.rows import read_dpr, read_jsonl, read_list, read_plain, read_table
from .formats.squad import read_squad
from .formats.trec import read_judgements, read_topics
from .questions import Question, QuestionSet, judge

#: Formats of files.
FILES: dict[str, Callable[[Path], Iterator[Question]]] = {
    "dpr": read_dpr,
    "jsonl": read_jsonl,
    "json": read_list,
    "squad": read_squad,
    "trec": read_topics,
    "table": read_table,
    "lines": read_plain,
}
#: Formats of folders; TREC's is told by the same name.
FOLDERS = ("beir", "squad-sentences", "trec")
FORMATS = tuple(dict.fromkeys((*FILES, *FOLDERS)))

_SQUAD_DATA = re.compile(rb'"data"\s*:\s*\[')
_LIST = re.compile(rb"""["\s]*[\[(]\s*['"\])]""")


def read_questions(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - what everybody calls it
    split: str | None = None,
    qrels: str | Path | None = None,
    patterns: bool = False,
) -> QuestionSet:
    """Read a data set; ``format`` is one of ``FORMATS`` and told by what stands in the file where none is named.

    ``split`` chooses a table of BEIR's judgements. ``qrels`` names judgements for a file of questions. ``patterns``
    says that the answers are regular expressions.
    """
    path = Path(path)
    if not path.exists():
        raise UsageError(f"{path} is not there; name a file of questions or a folder.")
    if format is not None and format not in FORMATS:
        raise UsageError(f"{format!r} is no format of questions; say one of {', '.join(FORMATS)}.")
    if path.is_dir():
        if qrels is not None:
            raise UsageError(f"{path} is a folder and brings its own judgements; name its file of questions instead.")
        found = _read_folder(path, format or tell_folder(path), split)
    else:
        found = _read_file(path, format or tell_file(path), split, qrels)
    return _mark_patterns(found) if patterns else found


def tell_folder(folder: Path) -> str:
    """Tell a folder's format by the names of its files."""
    if (folder / "qrels").is_dir():
        return "beir"
    if (folder / "questions.txt").exists() and (folder / "passages.txt").exists():
        return "squad-sentences"
    if any("qrels" in path.name for path in folder.iterdir()):
        return "trec"
    raise UsageError(f"{folder} is no folder of BEIR's or TREC's: nothing in it is called qrels. Name a file.")


def tell_file(path: Path) -> str:
    """Tell a file's format by how it begins."""
    data = read_bytes(path).lstrip()
    first, _, _ = data.partition(b"\n")
    if data[:1] == b"<":
        return "trec"
    if data[:1] == b"{":
        return _tell_json(data, first)
    if data[:1] == b"[" and b"\t" not in first:
        return "json"
    _, tab, rest = first.partition(b"\t")
    if not tab:
        return "lines"
    return "dpr" if _LIST.match(rest) else "table"


def _tell_json(data: bytes, first: bytes) -> str:
    try:
        row = orjson.loads(first)
    except orjson.JSONDecodeError:
        return "squad" if _SQUAD_DATA.search(data) else "jsonl"
    return "squad" if isinstance(row.get("data"), list) else "jsonl"


def _read_folder(folder: Path, format_: str, split: str | None) -> QuestionSet:
    if format_ == "beir":
        return read_beir(folder, split or DEFAULT_SPLIT)
    _refuse_split(folder, split)
    if format_ == "squad-sentences":
        return read_squad_sentences(folder)
    if format_ == "trec":
        return read_trec_folder(folder)
    raise UsageError(f"{folder} is a folder, and {format_} is a format of files; name the file.")


def _read_file(path: Path, format_: str, split: str | None, qrels: str | Path | None) -> QuestionSet:
    _refuse_split(path, split)
    if format_ not in FILES:
        raise UsageError(f"{path} is a file, and {format_} is a format of folders; name the folder.")
    found = QuestionSet(format_, tuple(FILES[format_](path)))
    return found if qrels is None else judge(found, read_judgements(Path(qrels)))


def _refuse_split(path: Path, split: str | None) -> None:
    if split is not None:
        raise UsageError(f"{path} has no splits; only a folder of BEIR's has.")


def _mark_patterns(found: QuestionSet) -> QuestionSet:
    marked = (dataclasses.replace(question, answers_are_patterns=True) for question in found.questions)
    return dataclasses.replace(found, questions=tuple(marked))
