"""An index beside all that is known of it from outside, so that each of its rankings can be proved or refuted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hybrid import Hit, IndexSpec, Passage, Profile, open_index
from hybrid.engines.contract import Index
from hybrid.settings import Settings
from tests.agreement import Tally, Truth, check_hits
from tests.conftest import MakeIndex
from tests.reference import Bm25, Mask, Proposal, Rows, Scores, analyze, dot_products, propose, union_score

#: How many passages the graph is asked for at least, whatever the depth.
GRAPH_K = 2000
_ONLY_FIELDS = {"filter_path": "hits.hits.fields"}
#: How many analysed terms of a question count.
QUESTION_TERMS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One search."""

    question: str
    vector: NDArray[np.float32]
    mode: Literal["hybrid", "lexical", "dense"] = "hybrid"
    dense: Literal["ann", "exact"] = "exact"
    depth: int = 2000
    lam: float = 1.1
    k: int = 100
    #: Restricts both sides to passages whose ``meta.part`` is this.
    part: int | None = None

    @property
    def filter(self) -> dict[str, Any] | None:
        """The restriction as OpenSearch reads it."""
        return None if self.part is None else {"term": {"meta.part": self.part}}


class Bench:
    """An index and its reference. ``vectors`` are as they should be stored, NaN where a passage has none."""

    def __init__(
        self,
        address: str,
        raw: Any,
        passages: Sequence[Passage],
        bm25: Bm25,
        known_terms: Mapping[str, list[str]] = MappingProxyType({}),
    ):
        self.address = address
        self.index: Index = open_index(address, settings=Settings())
        self.name = address.rpartition("/")[2]
        self.raw = raw
        self.bm25 = bm25
        self.ids = [passage.id for passage in passages]
        self._places = {name: row for row, name in enumerate(self.ids)}
        self.vectors = _stack(passages, self.profile.dimension)
        self.encoded: Mask = ~np.isnan(self.vectors[:, 0])
        self.parts = np.array([passage.meta.get("part", -1) for passage in passages])
        (stored,) = raw.indices.get(index=self.name).values()
        self.shards = self._read_shards(int(stored["settings"]["index"]["number_of_shards"]))
        self._terms: dict[str, list[str]] = dict(known_terms)
        self._reached: dict[tuple[str, int | None, int], list[int]] = {}

    @property
    def profile(self) -> Profile:
        """What the index says of itself."""
        return self.index.profile

    def check(self, asked: Asked, tally: Tally | None = None, index: Index | None = None) -> Sequence[Hit]:
        """Search, by another handle if one is given, and fail unless the ranking is the true one."""
        tally = tally or Tally()
        result = (index or self.index).search(
            asked.question,
            vector=asked.vector,
            mode=asked.mode,
            dense=asked.dense,
            depth=asked.depth,
            lam=asked.lam,
            k=asked.k,
            filter=asked.filter,
            text=False,
        )
        check_hits(result.hits, self.truth(asked, tally), asked.k, tally)
        return result.hits

    def truth(self, asked: Asked, tally: Tally) -> Truth:
        """Work out what the ranking has to be."""
        bm25, sim = self.bm25.scores(self.terms(asked.question)), dot_products(asked.vector, self.vectors)
        allowed = np.ones(len(self.ids), dtype=np.bool_) if asked.part is None else self.parts == asked.part
        lexical = propose(bm25, allowed & (bm25 > 0), asked.depth, self.shards)
        prior = (self.profile.sim_prior.a, self.profile.sim_prior.b)
        scores = {"hybrid": union_score(bm25, sim, asked.lam, prior), "lexical": bm25, "dense": sim}
        sides: dict[str, tuple[Proposal, ...]] = {"lexical": (lexical,)}
        if asked.mode != "lexical":
            dense = self._propose_dense(asked, sim, allowed & self.encoded, tally)
            sides |= {"dense": (dense,), "hybrid": (lexical, dense)}
        return Truth(self.ids, self._places, bm25, sim, scores[asked.mode], sides[asked.mode], prior)

    def terms(self, question: str) -> list[str]:
        """Give the terms of a question that count."""
        if question not in self._terms:
            self._terms[question] = analyze(self.raw, self.name, [question])[0][:QUESTION_TERMS]
        return self._terms[question]

    def _propose_dense(self, asked: Asked, sim: Scores, eligible: Mask, tally: Tally) -> Proposal:
        true = propose(sim, eligible, asked.depth, self.shards)
        if asked.dense == "exact":
            return true
        reached = np.zeros_like(eligible)
        key = (asked.question, asked.part, max(asked.depth, GRAPH_K))
        if key not in self._reached:
            self._reached[key] = self._walk_graph(asked, key[-1])
        reached[self._reached[key]] = True
        assert not (reached & ~eligible).any(), "the graph gave a passage that the filter excludes"
        found = propose(sim, reached, asked.depth, self.shards)
        wanted = np.count_nonzero(true.certain)
        tally.recalls.append(
            np.count_nonzero(true.certain & (found.certain | found.open)) / wanted if wanted else 1.0
        )
        return found

    def _walk_graph(self, asked: Asked, k: int) -> list[int]:
        """Give what the engine's own search by vector reaches, shard by shard."""
        near: dict[str, Any] = {"vector": asked.vector.tolist(), "k": k}
        if asked.filter is not None:
            near["filter"] = asked.filter
        query = {"knn": {self.profile.vector_field: near}}
        body = {"query": query, "size": k, "stored_fields": "_none_", "docvalue_fields": ["id"]}
        found = (
            self.raw.search(index=self.name, body=body, params={"preference": f"_shards:{shard}", **_ONLY_FIELDS})
            for shard in np.unique(self.shards)
        )
        hits = (hit for answer in found if answer for hit in answer["hits"]["hits"])
        return [self._places[hit["fields"]["id"][0]] for hit in hits]

    def _read_shards(self, number: int) -> Rows:
        shards = np.full(len(self.ids), -1, dtype=np.int64)
        for shard in range(number):
            body = {"query": {"match_all": {}}, "size": 10_000, "_source": False}
            answer = self.raw.search(index=self.name, body=body, params={"preference": f"_shards:{shard}"})
            shards[[self._places[hit["_id"]] for hit in answer["hits"]["hits"]]] = shard
        assert (shards >= 0).all(), "a passage is on no shard"
        return shards


class Benches:
    """Makes benches from passages, settled on one shard unless said otherwise, and closes them in the end."""

    def __init__(self, make_index: MakeIndex, raw: Any):
        self._make_index, self._raw = make_index, raw
        self._made: list[Bench] = []

    def __call__(self, passages: Sequence[Passage], profile: Profile | None = None, shards: int = 1) -> Bench:
        """Give a bench of these passages."""
        address = self._make_index(profile, IndexSpec(shards=shards, replicas=0))
        write_settled(address, passages)
        self._made.append(Bench(address, self._raw, passages, read_bm25(self._raw, address, passages)))
        return self._made[-1]

    def close(self) -> None:
        """Close every connection."""
        for bench in self._made:
            bench.index.close()


def make_benches(make_index: MakeIndex, raw: Any) -> Iterator[Benches]:
    """Give a maker of benches for one test module; a module makes a fixture of it."""
    benches = Benches(make_index, raw)
    yield benches
    benches.close()


def read_bm25(raw: Any, address: str, passages: Sequence[Passage], k1: float = 0.9, b: float = 0.4) -> Bm25:
    """Analyse passages with the analyzer of an index; the field is the title, then the text."""
    name = address.rpartition("/")[2]
    titles = analyze(raw, name, [passage.title for passage in passages])
    texts = analyze(raw, name, [passage.text for passage in passages])
    return Bm25([title + text for title, text in zip(titles, texts, strict=True)], k1, b)


def count_segments(raw: Any, address: str) -> int:
    """Count the segments that a search visits."""
    shards = raw.indices.segments(index=address.rpartition("/")[2])["indices"].popitem()[1]["shards"]
    return sum(shard["num_search_segments"] for copies in shards.values() for shard in copies)


def write_in_segments(address: str, raw: Any, passages: Sequence[Passage], portions: int) -> None:
    """Write passages in portions that stay segments of their own."""
    lazy = {"index.merge.policy.segments_per_tier": 100, "index.merge.policy.max_merge_at_once": 100}
    raw.indices.put_settings(index=address.rpartition("/")[2], body=lazy)
    with open_index(address, settings=Settings()) as index:
        for start in range(portions):
            index.add(passages[start::portions], refresh=True)


def write_settled(address: str, passages: Sequence[Passage]) -> None:
    """Write passages and merge them into one segment a shard."""
    with open_index(address, settings=Settings()) as index:
        index.add(passages, refresh=True)
        index.settle()


def _stack(passages: Sequence[Passage], dimension: int) -> NDArray[np.float64]:
    nothing = np.full(dimension, np.nan)
    return np.stack([nothing if one.vector is None else np.asarray(one.vector, dtype=np.float64) for one in passages])
