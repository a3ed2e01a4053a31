"""What a ranking has to be, worked out a second time: float64 and numpy, none of the package's own arithmetic.

BM25 comes by two ways that do not know of each other: out of the tree by which OpenSearch explains a score, and by
Lucene's formula from nothing but the terms of the passages.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]

#: Scores this close, relatively, tie: float32 cannot be relied on to tell them apart.
TIE = 1e-5
#: OpenSearch analyses up to 10,000 terms at once, and no term has less than one character.
_ANALYZED_AT_ONCE = 9_000
_EXPLAINED_AT_ONCE = 1_000


def explained_bm25(raw: Any, index: str, question: str, ids: Sequence[str]) -> dict[str, float]:
    """Give the BM25 of passages, recomputed in float64 from the numbers that OpenSearch says it used."""
    found = dict.fromkeys(ids, 0.0)
    for start in range(0, len(ids), _EXPLAINED_AT_ONCE):
        some = list(ids[start : start + _EXPLAINED_AT_ONCE])
        answer = raw.search(
            index=index,
            body={
                "query": {
                    "bool": {"must": [{"match": {"contents": question}}], "filter": [{"ids": {"values": some}}]}
                },
                "size": len(some),
                "explain": True,
                "_source": False,
            },
            params={"search_type": "dfs_query_then_fetch"},
        )
        found |= {hit["_id"]: _explained_sum(hit["_explanation"]) for hit in answer["hits"]["hits"]}
    return found


def _explained_sum(node: Mapping[str, Any]) -> float:
    if node["description"].startswith("weight(contents:"):
        return _explained_term(node)
    return sum(_explained_sum(part) for part in node["details"])


def _explained_term(node: Mapping[str, Any]) -> float:
    given = {name.partition(",")[0]: value for name, value in _leaves(node)}
    idf = np.log(1 + (given["N"] - given["n"] + 0.5) / (given["n"] + 0.5))
    norm = given["k1"] * (1 - given["b"] + given["b"] * given["dl"] / given["avgdl"])
    return float(given.get("boost", 1.0) * idf * given["freq"] / (given["freq"] + norm))


def _leaves(node: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    if not node["details"]:
        yield node["description"], float(node["value"])
    for part in node["details"]:
        yield from _leaves(part)


def analyze(raw: Any, index: str, texts: Sequence[str]) -> list[list[str]]:
    """Give the terms of each text by the analyzer of ``contents``; asks for many texts at a time."""
    terms: list[list[str]] = [[] for _ in texts]
    for first, some in _portions(texts):
        # The texts of one request follow each other with a gap of one; offsets count UTF-16 units.
        starts = np.cumsum([0] + [len(text.encode("utf-16-le")) // 2 + 1 for text in some])
        answer = raw.indices.analyze(index=index, body={"field": "contents", "text": some})
        for token in answer["tokens"]:
            place = int(np.searchsorted(starts, token["start_offset"], side="right")) - 1
            terms[first + place].append(token["token"])
    return terms


def _portions(texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    first, size = 0, 0
    for number, text in enumerate(texts):
        if number > first and size + len(text) > _ANALYZED_AT_ONCE:
            yield first, list(texts[first:number])
            first, size = number, 0
        size += len(text)
    if first < len(texts):
        yield first, list(texts[first:])


class Bm25:
    """Lucene's BM25 over passages given as their terms; no factor k1 + 1."""

    def __init__(self, bags: Sequence[Sequence[str]], k1: float, b: float):
        lengths = np.array([len(bag) for bag in bags], dtype=np.int64)
        # A passage without a single term is, to Lucene, a passage without the field.
        self._passages = max(1, int(np.count_nonzero(lengths)))
        average = max(1, int(lengths.sum())) / self._passages
        self._norms = k1 * (1 - b + b * one_byte_lengths(lengths) / average)
        self._postings = _invert(bags)

    def scores(self, terms: Iterable[str]) -> Scores:
        """Give the score of every passage; a term that is asked twice counts twice."""
        total = np.zeros(len(self._norms))
        for term, asked in Counter(terms).items():
            rows, freqs = self._postings.get(term, _NOWHERE)
            idf = np.log(1 + (self._passages - len(rows) + 0.5) / (len(rows) + 0.5))
            total[rows] += asked * idf * freqs / (freqs + self._norms[rows])
        return total


_NOWHERE = (np.array([], dtype=np.int64), np.array([], dtype=np.float64))


def _invert(bags: Sequence[Sequence[str]]) -> dict[str, tuple[Rows, Scores]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for row, bag in enumerate(bags):
        for term, freq in Counter(bag).items():
            found.setdefault(term, []).append((row, freq))
    return {
        term: (np.array([row for row, _ in pairs], dtype=np.int64), np.array([float(freq) for _, freq in pairs]))
        for term, pairs in found.items()
    }


def one_byte_lengths(lengths: Rows) -> Rows:
    """Round lengths as Lucene's norm byte does: what exceeds 24 keeps its four leading bits."""
    excess = np.maximum(lengths - 24, 0)
    bits = np.frexp(excess.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(bits - 4, 0)
    return np.where(lengths < 24, lengths, 24 + ((excess >> shift) << shift))


def dot_products(questions: NDArray[Any], vectors: NDArray[Any]) -> Scores:
    """Give the dot products of a question, or of each of several, with every vector; NaN for a vector of NaN."""
    products: Scores = np.asarray(questions, dtype=np.float64) @ np.asarray(vectors, dtype=np.float64).T
    return products


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """What one side proposes: some passages for certain, and ``seats`` of those tied at rank ``depth``."""

    certain: Mask
    #: One mask and number of seats a shard, where there is a choice.
    tied: tuple[tuple[Mask, int], ...]

    @property
    def open(self) -> Mask:
        """The passages that the engine may take or leave."""
        none = np.zeros_like(self.certain)
        return np.logical_or.reduce([mask for mask, _ in self.tied]) if self.tied else none

    @property
    def all(self) -> Mask:
        """All passages that may be proposed."""
        return self.certain | self.open


def propose(scores: Scores, eligible: Mask, depth: int, shards: Rows) -> Proposal:
    """Give the best ``depth`` of each shard."""
    certain, tied = np.zeros_like(eligible), []
    for shard in np.unique(shards):
        rows = eligible & (shards == shard)
        if np.count_nonzero(rows) <= depth:
            certain |= rows
            continue
        last = np.partition(scores[rows], -depth)[-depth]
        margin = TIE * max(1.0, abs(float(last)))
        above = rows & (scores > last + margin)
        level = rows & (np.abs(scores - last) <= margin)
        seats = depth - int(np.count_nonzero(above))
        certain |= above
        if np.count_nonzero(level) == seats:
            certain |= level
        else:
            tied.append((level, seats))
    return Proposal(certain, tuple(tied))


def union_score(bm25: Scores, sim: Scores, lam: float, prior: tuple[float, float]) -> Scores:
    """Give ``BM25 + λ · sim``; a passage without a vector has the sim that its BM25 makes likely."""
    a, b = prior
    return bm25 + lam * np.where(np.isnan(sim), a + b * bm25, sim)


def ranked(scores: Scores, rows: Rows, ids: Sequence[str], k: int) -> list[int]:
    """Give the best k rows in order: score descending, then id ascending by UTF-8 bytes."""
    if len(rows) > k:
        rows = rows[scores[rows] >= np.partition(scores[rows], -k)[-k]]
    return sorted((int(row) for row in rows), key=lambda row: (-scores[row], ids[row].encode()))[:k]
