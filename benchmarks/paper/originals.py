"""The paper's own data and models in one folder: which of its files a figure wants, and which are missing.

Files may be called as the authors' download script calls them or as they are called on the server, packed or not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hybrid.errors import UsageError

SETS = ("nq", "trivia", "wq", "trec", "squad")
#: What the authors call each set, in names of question files and in names of training files.
_LONG = {"nq": "nq", "trivia": "trivia", "wq": "webquestions", "trec": "curatedtrec", "squad": "squad1"}
_SHORT = {**_LONG, "wq": "webq"}
_PACKED = ("", ".gz")


@dataclass(frozen=True, slots=True)
class File:
    """A file or folder that is wanted; the first name is the one it is asked for by."""

    names: tuple[str, ...]
    what: str

    def find(self, folder: Path) -> Path | None:
        """Give where it is."""
        return next((folder / name for name in self.names if (folder / name).exists()), None)


PASSAGES = File(("psgs_w100.tsv", "psgs_w100.tsv.gz"), "the paper's 21,015,324 passages")


def questions(name: str, split: str) -> File:
    """Give the questions and answers of a set."""
    plain = (f"{_LONG[name]}-{split}.qa.csv", f"{_SHORT[name]}-{split}.csv")
    return File(tuple(f"{one}{end}" for one in plain for end in _PACKED), f"{split} questions with answers")


def training(name: str) -> File:
    """Give the training rows of a set, in DPR's JSON."""
    plain = (f"biencoder-{_LONG[name]}-train.json", f"{_SHORT[name]}-train.json")
    return File(tuple(f"{one}{end}" for one in plain for end in _PACKED), "training rows with passages")


def encoder(name: str) -> File:
    """Give the two towers trained on a set, or ``multi``."""
    return File((f"dpr-{name}",), "a folder that --encoder takes, with question/ and passage/")


def reader(name: str) -> File:
    """Give the reader for a set, or ``multi``."""
    return File((f"reader-{name}",), "a folder that --reader takes")


#: What training begins with.
BERT = File(("bert-base-uncased",), "a folder that --from takes")
#: ``hybrid mine`` makes it of the training questions.
DISTANT = File(("nq-train-distant.json", "nq-train-distant.json.gz"), "NQ's rows with distant positives")


def list_missing(folder: Path, files: Iterable[File]) -> list[str]:
    """Name what is not in a folder, where it is expected and what it is."""
    absent = dict.fromkeys(one for one in files if one.find(folder) is None)
    return [f"{folder / one.names[0]} ({one.what})" for one in absent]


def locate(folder: Path, file: File) -> Path:
    """Give where a file is, or say that it is missing."""
    found = file.find(folder)
    if found is None:
        raise UsageError(f"{folder / file.names[0]} is not there: {file.what}.")
    return found
