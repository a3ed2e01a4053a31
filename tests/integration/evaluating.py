"""Passages in a folder and on a cluster, and files of questions about them, as commands on questions want them."""

import dataclasses
from pathlib import Path

import numpy as np

from hybrid import create_index, open_index
from hybrid.settings import Settings
from tests.conftest import MakeIndex, small_profile
from tests.made import make_corpus

MADE = make_corpus(missing=10)
ENGINES = ("local", "cluster")
#: As many questions as a test needs, made of words of the corpus.
COUNT = 40


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """Files of questions, judgements and vectors, as a command wants them."""

    questions: Path
    qrels: Path
    vectors: Path

    @property
    def options(self) -> list[str]:
        return ["--questions", str(self.questions), "--qrels", str(self.qrels), "--vectors", str(self.vectors)]


def fill(engine: str, make_index: MakeIndex, folder: Path) -> str:
    """Give the address of a new index with the passages in it, in a folder or on a cluster."""
    if engine == "local":
        address = str(folder / "index")
        create_index(address, small_profile(), settings=Settings())
    else:
        address = make_index()
    with open_index(address, settings=Settings()) as index:
        index.add(MADE.passages, refresh=True)
    return address


def write_asked(folder: Path, address: str) -> Asked:
    """Make questions whose right passages are those that λ 2 puts first."""
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(MADE.passages[place].text.split(), size=3)) for place in range(0, 5 * COUNT, 5)]
    vectors = (0.5 * rng.normal(size=(COUNT, 8))).astype(np.float32)
    with open_index(address, settings=Settings()) as index:
        found = index.search_many(texts, vectors, lam=2.0, k=1)
    files = Asked(folder / "questions.tsv", folder / "qrels.txt", folder / "vectors.npy")
    files.questions.write_text("".join(f"q{number}\t{text}\n" for number, text in enumerate(texts)), "utf-8")
    lines = (f"q{number} 0 {result.hits[0].id} 1\n" for number, result in enumerate(found))
    files.qrels.write_text("".join(lines), "utf-8")
    np.save(files.vectors, vectors)
    return files
