"""Data sets that are a folder: BEIR's, TREC's topics beside their judgements, and sentences of SQuAD."""

from pathlib import Path

from ...errors import HybridError, UsageError
from ..questions import Question, QuestionSet, judge
from .files import fail, read_lines
from .rows import read_jsonl
from .trec import read_judgements, read_topics

DEFAULT_SPLIT = "test"


def read_beir(folder: Path, split: str = DEFAULT_SPLIT) -> QuestionSet:
    """Read ``queries.jsonl`` and ``qrels/{split}.tsv``."""
    table = folder / "qrels" / f"{split}.tsv"
    if not table.exists():
        there = ", ".join(sorted(path.stem for path in table.parent.glob("*.tsv"))) or "none"
        raise UsageError(f"{table} is not there; splits in this folder: {there}.")
    queries = QuestionSet("beir", tuple(read_jsonl(_first(folder, "queries.jsonl", "queries.jsonl.gz"))))
    return judge(queries, read_judgements(table))


def read_trec_folder(folder: Path) -> QuestionSet:
    """Read one file of topics and one of judgements; they are known by ``topics`` or ``query``, and ``qrels``."""
    names = [path for path in sorted(folder.iterdir()) if path.is_file()]
    qrels = [path for path in names if "qrels" in path.name]
    topics = [path for path in names if path not in qrels and ("topic" in path.name or "quer" in path.name)]
    if len(qrels) != 1 or len(topics) != 1:
        raise UsageError(
            f"{folder} holds {len(topics)} files of topics and {len(qrels)} of judgements instead of one each; "
            "name the two files."
        )
    return judge(QuestionSet("trec", tuple(read_topics(topics[0]))), read_judgements(qrels[0]))


def read_squad_sentences(folder: Path) -> QuestionSet:
    """Read ``questions.txt`` and ``passages.txt``, where line i of one belongs to line i of the other.

    Passages are named as ``hybrid ingest --format lines`` names them, ``passages.txt:12``; a sentence that stands on
    several lines is right on each of them.
    """
    table, passages = folder / "questions.txt", folder / "passages.txt"
    questions, sentences = list(read_lines(table)), list(read_lines(passages))
    if [line for line, _ in questions] != [line for line, _ in sentences]:
        fail(
            table, "beside passages.txt", f"{len(questions)} questions on other lines than {len(sentences)} passages"
        )
    lines: dict[str, dict[str, int]] = {}
    for line, sentence in sentences:
        lines.setdefault(sentence, {})[f"{passages.name}:{line}"] = 1
    return QuestionSet(
        "squad-sentences",
        tuple(
            Question(str(number), text.strip(), relevant=lines[sentence])
            for number, ((_, text), (_, sentence)) in enumerate(zip(questions, sentences, strict=True))
        ),
    )


def _first(folder: Path, *names: str) -> Path:
    found = next((folder / name for name in names if (folder / name).exists()), None)
    if found is None:
        raise HybridError(f"{folder / names[0]} is not there.")
    return found
