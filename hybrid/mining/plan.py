"""What is mined: a ``Plan`` says which passages become positives and negatives, and which do not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from ..errors import UsageError
from ..passages import Dense, Mode
from ..requests import MAX_DEPTH

Positives = Literal["gold", "distant"]
Query = Literal["question+answer", "question"]
Kind = Literal["bm25", "dense", "hybrid", "random", "gold"]

#: Hits of BM25 among which the paper looks for an answer (section 4.2).
DISTANT_DEPTH = 100
#: Kinds that a search finds, and by which mode; they are hard.
SEARCHED: Mapping[Kind, Mode] = {"bm25": "lexical", "dense": "dense", "hybrid": "hybrid"}


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides what is mined, besides questions and index."""

    #: ``gold``: what the questions bring; ``distant``: what holds an answer among the first of BM25.
    positives: Positives = "gold"
    #: Write every positive that is found, not the first only.
    all_positives: bool = False
    #: Hits that ``distant`` looks at, and what it asks for.
    distant_depth: int = DISTANT_DEPTH
    query: Query = "question+answer"
    #: The positive holds the answer letter by letter, in the same case.
    exact: bool = False
    #: Words that a passage has at least, and at most.
    words: tuple[int, int | None] = (0, None)
    #: Which share of the shorter text's runs of words makes two texts the same passage.
    overlap: float = 0.5
    #: Negatives of a question by kind, in the order in which they are looked for.
    negatives: Mapping[Kind, int] = field(default_factory=lambda: {"bm25": 10})
    #: First and last rank at which negatives are looked for.
    window: tuple[int, int] = (1, 100)
    #: What a negative's sim is at most, as a share of the first positive's; None sets no bound.
    margin: float | None = None
    #: Take no negative from a document of a positive.
    other_documents: bool = False
    dense: Dense | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        self._check_choices()
        self._check_numbers()

    @property
    def wants_vectors(self) -> bool:
        """Whether questions need vectors."""
        return self.margin is not None or any(SEARCHED.get(kind, "lexical") != "lexical" for kind in self.negatives)

    def fits(self, text: str) -> bool:
        """Tell whether a text has as many words as are wanted."""
        least, most = self.words
        return least <= len(text.split()) and (most is None or len(text.split()) <= most)

    def _check_choices(self) -> None:
        for name, value, choices in (
            ("positives", self.positives, get_args(Positives)),
            ("query", self.query, get_args(Query)),
            ("dense", self.dense or "exact", get_args(Dense)),
            *(("a kind of negatives", kind, get_args(Kind)) for kind in self.negatives),
        ):
            if value not in choices:
                raise UsageError(f"{name} is {value!r}; say {' or '.join(choices)}.")

    def _check_numbers(self) -> None:
        first, last = self.window
        least, most = self.words
        if not 1 <= first <= last <= MAX_DEPTH:
            raise UsageError(
                f"The window of ranks is {first}:{last}; say two ranks of 1 to {MAX_DEPTH}, such as 1:100."
            )
        if not 1 <= self.distant_depth <= MAX_DEPTH:
            raise UsageError(f"The depth is {self.distant_depth}; say 1 to {MAX_DEPTH}.")
        if least < 0 or (most is not None and most < least):
            raise UsageError(f"Passages of {least} to {most} words are wanted; say such as 20:200.")
        if not 0 < self.overlap <= 1:
            raise UsageError(f"overlap is {self.overlap}; say a share above 0, and at most 1.")
        if self.margin is not None and not 0 < self.margin < float("inf"):
            raise UsageError(f"margin is {self.margin}; say a share above 0, such as 0.95.")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; say 0 or more.")
        for kind, count in self.negatives.items():
            if count < 0 or (kind in SEARCHED and count > last - first + 1):
                raise UsageError(f"{kind}={count} is more than the ranks {first}:{last} hold, or less than none.")
