"""How good is an answer? A span and the right answers go in; exact match and F1 come out, as SQuAD counts them."""

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable

#: Names of the metrics.
EM, F1 = "em", "f1"

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_answer(text: str) -> str:
    """Lower the case, drop punctuation, then articles, and collapse spaces; the order matters."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(prediction: str, answers: Iterable[str]) -> float:
    """Give 1 where a prediction equals one of the answers once both are normalised."""
    return _best(_equal, prediction, answers)


def f1(prediction: str, answers: Iterable[str]) -> float:
    """Give the harmonic mean of precision and recall of the words, for the answer where it is best."""
    return _best(_overlap, prediction, answers)


def _best(compare: Callable[[str, str], float], prediction: str, answers: Iterable[str]) -> float:
    normal = normalise_answer(prediction)
    return max((compare(normal, normalise_answer(answer)) for answer in answers), default=0.0)


def _equal(prediction: str, answer: str) -> float:
    return float(prediction == answer)


def _overlap(prediction: str, answer: str) -> float:
    said, right = prediction.split(), answer.split()
    if not said or not right:  # nothing but articles and punctuation: only the same nothing is right
        return _equal(prediction, answer)
    common = (Counter(said) & Counter(right)).total()
    return 2 * common / (len(said) + len(right))
