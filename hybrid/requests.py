"""One question to an index: checked here once, so that every engine may trust what it gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypedDict, get_args

import numpy as np
import orjson
from numpy.typing import ArrayLike, NDArray

from .errors import EncoderMismatchError, FilterError, UsageError, VectorError
from .fusion import MAX_SHIFT, is_weight, lift, shift
from .passages import Dense, Idf, Mode, Vector
from .profile import Profile
from .vectors import length, read_question_vector

#: OpenSearch's own limit on rescore windows, result windows and k.
MAX_DEPTH = 10_000
#: Terms of a question that go to BM25. Lucene stops at 1024 clauses and a search holds the question twice.
MAX_TERMS = 400
#: No more than this is even analysed.
MAX_QUESTION_CHARS = 10_000

#: One vector a question; None leaves it without, and nothing is encoded for it.
Vectors = Sequence[ArrayLike | None] | NDArray[np.float32]
Filter = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


@dataclass(frozen=True, slots=True, eq=False)
class SearchRequest:
    """A question with everything that decides its ranking."""

    question: str
    vector: Vector | None
    k: int
    mode: Mode
    lam: float
    depth: int
    #: OpenSearch query clauses that all must hold, on both sides.
    filters: tuple[Mapping[str, Any], ...]
    #: None leaves it to the engine.
    dense: Dense | None
    idf: Idf
    text: bool

    @property
    def vector_norm(self) -> float:
        """Length of the question vector, 0 without one."""
        return 0.0 if self.vector is None else length(self.vector)


class SearchOptions(TypedDict, total=False):
    """What a search may be given besides the question; the profile fills in what is left out."""

    #: The question's vector; every mode but ``lexical`` needs one.
    vector: ArrayLike | None
    #: The encoder pair that made the vector, checked against the index's own.
    pair_id: str | None
    #: How many hits to return.
    k: int
    #: ``hybrid`` (the default), ``lexical`` or ``dense``.
    mode: Mode
    #: Weight λ of sim; the profile's by default.
    lam: float | None
    #: How many passages each side proposes; the profile's by default.
    depth: int | None
    #: OpenSearch query clauses that restrict both sides.
    filter: Filter
    #: ``ann`` walks the graph, ``exact`` compares with every passage; a cluster's default is ann, a folder's exact.
    dense: Dense | None
    #: ``global`` makes several shards score like one, ``shard`` saves a round between nodes.
    idf: Idf
    #: False leaves title, text and meta out of the hits, which is quicker.
    text: bool


def make_request(
    question: str,
    profile: Profile,
    *,
    vector: ArrayLike | None = None,
    pair_id: str | None = None,
    k: int = 10,
    mode: Mode = "hybrid",
    lam: float | None = None,
    depth: int | None = None,
    filter: Filter = None,  # noqa: A002 - the name that OpenSearch and its clients use
    dense: Dense | None = None,
    idf: Idf = "global",
    text: bool = True,
) -> SearchRequest:
    """Check a call's arguments against the profile; what is left out comes from the profile."""
    _check_choices(mode, dense, idf)
    check_encoder(pair_id, profile)
    lam = profile.lam if lam is None else lam
    depth = profile.depth if depth is None else depth
    if not isinstance(lam, Real) or not is_weight(lam):
        raise UsageError(f"lambda is {lam!r}; say a finite number of 0 or more.")
    if not isinstance(k, Integral) or k < 1:
        raise UsageError(f"k is {k!r}; say a whole number of 1 or more.")
    if not isinstance(depth, Integral) or not 1 <= depth <= MAX_DEPTH:
        raise UsageError(f"depth is {depth!r}; say a whole number from 1 to {MAX_DEPTH}.")
    if vector is None and mode != "lexical":
        raise VectorError(f"mode {mode} needs the question's vector; give one, or ask with mode lexical.")
    read = None if vector is None else read_question_vector(vector, profile)
    if read is not None and mode == "hybrid":
        _check_size(read, lam, profile)
    return SearchRequest(
        question=_check_question(question),
        vector=read,
        k=int(k),
        mode=mode,
        lam=float(lam),
        depth=int(depth),
        filters=_check_filter(filter),
        dense=dense,
        idf=idf,
        text=text,
    )


def check_words(question: str, vector: ArrayLike | None = None) -> None:
    """Refuse a question without any text, unless it has a vector: that of nothing would rank passages at random."""
    if not _check_question(question).strip() and vector is None:
        raise UsageError("The question is empty.")


def check_encoder(pair_id: str | None, profile: Profile) -> None:
    """Refuse vectors that say they come from another encoder."""
    if pair_id is not None and pair_id != profile.pair_id:
        raise EncoderMismatchError(
            f"The vector comes from the encoder {pair_id}, the index holds vectors of {profile.pair_id}; "
            f"encode with {profile.pair_id}."
        )


def _check_choices(mode: str, dense: str | None, idf: str) -> None:
    for name, value, choices in (
        ("mode", mode, get_args(Mode)),
        ("dense", dense or "exact", get_args(Dense)),
        ("idf", idf, get_args(Idf)),
    ):
        if value not in choices:
            raise UsageError(f"{name} is {value!r}; say {' or '.join(choices)}.")


def _check_filter(given: Filter) -> tuple[Mapping[str, Any], ...]:
    if given is None:
        return ()
    clauses = [given] if isinstance(given, Mapping) else given
    listed = isinstance(clauses, list | tuple)
    if not listed or not all(isinstance(clause, Mapping) and len(clause) == 1 for clause in clauses):
        example = '{"term": {"meta.lang": "en"}}'
        raise FilterError(f"The filter is not an OpenSearch query clause, such as {example}, or a list of them.")
    try:
        orjson.dumps(clauses, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError as error:
        raise FilterError(f"The filter cannot be written as JSON: {error}.") from error
    return tuple(clauses)


def _check_size(vector: Vector, lam: float, profile: Profile) -> None:
    """Refuse vectors beside whose dot products BM25 would be lost in the rounding of float32."""
    lifted_by = lift(length(vector), profile.max_norm, profile.sim_prior)
    if shift(lam, lifted_by) > MAX_SHIFT:
        raise VectorError(
            f"The vectors are so long (dot products of up to {lifted_by:.3g}) that BM25 would be lost beside them; "
            "make the index with similarity cosine, scale the vectors down, or ask with a smaller lambda."
        )


def _check_question(question: str) -> str:
    if not isinstance(question, str):
        raise UsageError(f"The question is {question!r}; give a string.")
    try:
        question.encode()
    except UnicodeEncodeError as error:
        raise UsageError("The question is not valid Unicode: it holds half of a character.") from error
    return question
