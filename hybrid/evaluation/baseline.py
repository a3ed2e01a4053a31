"""TF-IDF, the baseline that BM25 grew out of: asked of the same index, with its words and its lengths."""

from collections.abc import Sequence

from ..engines.contract import Index
from .asking import ask
from .evaluating import OnProgress, count_all
from .measuring import Judge
from .metrics import Values
from .questions import Question
from .rules import Rule

TF_IDF = "tf-idf"
#: BM25 that hardly saturates and counts length in full ranks by the sum of idf · tf / length. More would leave too
#: few digits in float32; at this weight it is linear to about a percent.
_K1, _B = 1000.0, 1.0


def measure_tf_idf(
    index: Index, questions: Sequence[Question], judge: Judge, depth: int | None, on_progress: OnProgress
) -> dict[str, Values]:
    """Give a number a question by metric, for what TF-IDF finds alone."""
    rule = Rule(TF_IDF, lambda found: found.bm25, lambda found: found.rank_bm25 > 0)
    with index.under(_K1, _B) as weighed:
        found = ask(weighed, questions, None, depth=depth)
        return count_all(weighed, found, [rule], judge, on_progress=on_progress).measured()[TF_IDF]
