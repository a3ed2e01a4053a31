"""A folder ranks as the cluster does: the same passages in the same order, with the same scores, on real data."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hybrid import IndexSpec, Passage, create_index, open_index
from hybrid.engines.contract import Index
from hybrid.passages import Mode
from hybrid.requests import SearchOptions
from hybrid.settings import Settings
from tests import corpora, vectors
from tests.conftest import MakeIndex
from tests.exactness import write_settled
from tests.local_parity import Edge, Tally, are_alike, without_tied

pytestmark = pytest.mark.skipif(
    not (corpora.have("squad-sentences") and corpora.have("xquad.en.json")), reason="the data sets are not there"
)

#: The same questions as in ``test_exact_real``, so that their vectors are there already.
SEED = 20201116
SENTENCE_QUESTIONS = 1000
MISSING = [0, 20]
LAMBDAS = (0.3, 1.1, 5.0)
DEPTHS = (100, 2000)
FILTERS: tuple[dict[str, Any] | None, ...] = (
    None,
    {"term": {"meta.part": 1}},
    {"bool": {"must_not": [{"term": {"meta.set": "xquad"}}], "filter": [{"range": {"meta.row": {"lt": 3000}}}]}},
)
#: Questions asked of the cluster at a time.
AT_ONCE = 4
TOP = 100


@dataclass(frozen=True, slots=True)
class Pair:
    """The same passages in a folder and on a cluster."""

    local: Index
    cluster: Index


@dataclass(slots=True, eq=False)
class World:
    """Real passages and questions, and both indexes of them, made when they are first wanted."""

    make_index: MakeIndex
    folder: Path
    passages: tuple[Passage, ...]
    questions: tuple[str, ...]
    question_vectors: NDArray[np.float32]
    pairs: dict[int, Pair] = field(default_factory=dict)

    def pair(self, missing: int) -> Pair:
        """Give both indexes, with ``missing`` percent of the vectors taken away."""
        if missing not in self.pairs:
            passages = self.kept(missing)
            address = self.make_index(vectors.PROFILE, IndexSpec(replicas=0))
            write_settled(address, passages)
            local = make_local(self.folder / f"missing{missing}")
            # In portions, so that there are segments of several sizes; it is not settled.
            for start in range(0, len(passages), 700):
                local.add(passages[start : start + 700])
            self.pairs[missing] = Pair(local, open_index(address, settings=Settings()))
        return self.pairs[missing]

    def kept(self, missing: int) -> list[Passage]:
        """Give the passages with so many percent of the vectors taken away."""
        order = np.random.default_rng(missing).permutation(len(self.passages))
        dropped = set(order[: len(order) * missing // 100].tolist())
        return [
            Passage(one.id, one.text, one.title, meta=one.meta, vector=None if row in dropped else one.vector)
            for row, one in enumerate(self.passages)
        ]

    def compare(self, pair: Pair, places: Sequence[int], tally: Tally, **options: Any) -> None:
        """Ask both the same questions."""
        questions = [self.questions[place] for place in places]
        asked = self.question_vectors[list(places)]
        given = {"k": TOP, "text": False, "dense": "exact", **options}
        local = pair.local.search_many(questions, asked, **given)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            cluster = pool.map(
                lambda question, vector: pair.cluster.search(question, vector=vector, **given), questions, asked
            )
            for vector, here, there in zip(asked, local, cluster, strict=True):
                assert here.question_cut == there.question_cut
                ours, theirs = here.hits, there.hits
                if not are_alike(ours, theirs):
                    edge = self._find_edge(pair.cluster, here.question, vector, options)
                    ours, theirs = (without_tied(hits, edge, tally) for hits in (ours, theirs))
                    # Where one took a tied passage the other has one more of those that follow.
                    shorter = min(len(ours), len(theirs))
                    ours, theirs = ours[:shorter], theirs[:shorter]
                tally.compare(ours, theirs, f"{here.question!r} {options}")

    def _find_edge(self, cluster: Index, question: str, vector: NDArray[np.float32], options: dict[str, Any]) -> Edge:
        depth, asked = options["depth"], {"vector": vector, "dense": "exact", "text": False}
        edges = {}
        for mode in ("lexical", "dense"):
            given = {**asked, "mode": mode, "k": depth, "depth": depth, "filter": options["filter"]}
            hits = cluster.search(question, **given).hits
            edges[mode] = hits[-1].score if len(hits) == depth and options["mode"] in (mode, "hybrid") else -np.inf
        return Edge(edges["lexical"], edges["dense"])


def make_local(folder: Path) -> Index:
    """Give an empty index in a folder."""
    create_index(str(folder), vectors.PROFILE)
    return open_index(str(folder))


@pytest.fixture(scope="module")
def world(make_index: MakeIndex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    sentences, paragraphs = corpora.squad_sentences(), corpora.squad_json("xquad.en.json")
    chosen = np.random.default_rng(SEED).permutation(len(sentences.questions))[:SENTENCE_QUESTIONS].tolist()
    asked = tuple(sentences.questions[place] for place in chosen)
    passages = (*make_passages("squad", sentences), *make_passages("xquad", paragraphs))
    assert len(passages) > 6000
    questions = (*paragraphs.questions, *asked)
    encoded = np.concatenate([vectors.encode_questions(paragraphs.questions), vectors.encode_questions(asked)])
    world = World(make_index, tmp_path_factory.mktemp("parity"), passages, questions, encoded)
    yield world
    for pair in world.pairs.values():
        pair.local.close()
        pair.cluster.close()


def make_passages(name: str, corpus: corpora.Corpus) -> list[Passage]:
    encoded = vectors.encode_passages(corpus.passages)
    return [
        Passage(f"{name}{row}", text, title, meta={"part": row % 3, "row": row, "set": name}, vector=encoded[row])
        for row, (text, title) in enumerate(zip(corpus.passages, corpus.titles, strict=True))
    ]


@pytest.fixture(scope="module")
def report(record_testsuite_property: Callable[[str, object], None]) -> Callable[[str, Tally], None]:
    def write(name: str, tally: Tally) -> None:
        record_testsuite_property(f"folder and cluster, {name}", str(tally))
        print(f"folder and cluster, {name}: {tally}")

    return write


Report = Callable[[str, Tally], None]


def test_all_questions_are_answered_alike(world: World, report: Report) -> None:
    tally = Tally()
    world.compare(world.pair(0), range(len(world.questions)), tally, k=20)
    report("all questions, hybrid", tally)
    assert tally.questions == 2190


def test_lexical_scores_are_the_clusters_to_the_last_bit(world: World) -> None:
    pair = world.pair(0)
    given: SearchOptions = {"mode": "lexical", "k": 20, "text": False}
    local = pair.local.search_many(world.questions, **given)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        cluster = pool.map(lambda question: pair.cluster.search(question, **given), world.questions)
        for here, there in zip(local, cluster, strict=True):
            assert [hit.id for hit in here.hits] == [hit.id for hit in there.hits], here.question
            ours, theirs = (np.array([hit.score for hit in one.hits], np.float32) for one in (here, there))
            assert ours.tobytes() == theirs.tobytes(), here.question


def combinations() -> Iterator[dict[str, Any]]:
    modes: tuple[Mode, ...] = ("hybrid", "lexical", "dense")
    for mode, depth, clause in product(modes, DEPTHS, FILTERS):
        for lam in LAMBDAS if mode == "hybrid" else (1.1,):
            yield {"mode": mode, "depth": depth, "filter": clause, "lam": lam}


@pytest.mark.parametrize("missing", MISSING)
def test_every_mode_weight_depth_and_filter_is_answered_alike(missing: int, world: World, report: Report) -> None:
    rng, tallies = np.random.default_rng(SEED + missing), dict[str, Tally]()
    for options in combinations():
        places = rng.integers(0, len(world.questions), size=12).tolist()
        world.compare(world.pair(missing), places, tallies.setdefault(options["mode"], Tally()), **options)
    for mode, tally in tallies.items():
        report(f"all options, {mode}, {missing} % of the vectors missing", tally)


@pytest.mark.slow
@pytest.mark.parametrize("missing", MISSING)
def test_every_question_is_answered_alike_whatever_the_options(missing: int, world: World, report: Report) -> None:
    tallies = dict[str, Tally]()
    for options in combinations():
        tally = tallies.setdefault(options["mode"], Tally())
        world.compare(world.pair(missing), range(len(world.questions)), tally, k=20, **options)
    for mode, tally in tallies.items():
        report(f"all questions and options, {mode}, {missing} % of the vectors missing", tally)


def test_settling_a_folder_changes_nothing(world: World) -> None:
    local, places = world.pair(20).local, range(0, len(world.questions), 40)
    questions, asked = [world.questions[place] for place in places], world.question_vectors[list(places)]
    before = [[result.hits for result in local.search_many(questions, asked, k=TOP, depth=one)] for one in DEPTHS]
    assert local.settle().segments == 2
    after = [[result.hits for result in local.search_many(questions, asked, k=TOP, depth=one)] for one in DEPTHS]
    assert before == after


def test_copy_of_a_cluster_is_the_same_index_and_so_is_the_copy_of_the_copy(
    world: World, report: Report, tmp_path: Path
) -> None:
    pair, tally = world.pair(20), Tally()
    with make_local(tmp_path / "copy") as copy:
        for page in pair.cluster.scan():
            copy.add(page)
        places = range(0, len(world.questions), 20)
        world.compare(Pair(copy, pair.cluster), places, tally)
        world.compare(Pair(copy, pair.local), places, tally)
        address = world.make_index(vectors.PROFILE, IndexSpec(replicas=0))
        write_settled(address, [passage for page in copy.scan() for passage in page])
    with open_index(address, settings=Settings()) as back:
        world.compare(Pair(pair.local, back), places, tally)
    report("copies there and back", tally)
