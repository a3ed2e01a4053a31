"""Whatever is done to a folder, in whatever order, it is at each moment what a dictionary of passages would be."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from numpy.testing import assert_array_equal

from hybrid.engines.local import database, graph, segments, writer
from hybrid.engines.local.doctor import examine
from hybrid.engines.local.index import LocalIndex
from hybrid.engines.local.segments import POSTINGS
from hybrid.index import create_index, open_index
from hybrid.passages import Passage, Vector
from hybrid.records import BulkReport, Filled
from tests.agreement import Tally, check_hits
from tests.conftest import small_profile
from tests.local_model import DIMENSION, Asked, Model, document_of

MEMORY = Path("/dev/shm")
VECTOR_FIELD = small_profile().vector_field
MODES = st.sampled_from(["hybrid", "lexical", "dense"])
#: Few words, small whole numbers and few ids, so that much is equal and much is written again.
WORDS = st.lists(st.sampled_from(["w0", "w1", "w2", "w3", "bad"]), max_size=6).map(" ".join)
VECTORS = st.tuples(*[st.integers(-2, 2).map(float)] * DIMENSION)
IDS = st.sampled_from(["a", "A", "b", "c1", "c10", "c2", "é", "e\u0301", "\uff5e", "😀", "日本", " "])
PASSAGES = st.builds(
    Passage,
    IDS,
    WORDS,
    title=st.sampled_from(["", "w0", "w9"]),
    document_id=st.sampled_from(["", "", "d", "e"]),
    number=st.integers(0, 3),
    passages_total=st.integers(1, 3),
    meta=st.sampled_from([{}, {"part": 0}, {"part": 1}, {"part": 1, "more": ["x", "y"], "deep": {"y": 1.5}}]),
    vector=st.one_of(st.none(), VECTORS),
)
ASKED = st.builds(
    Asked,
    question=st.one_of(WORDS, st.just("w0 w0 w1"), st.just("w7")),
    vector=VECTORS,
    mode=MODES,
    lam=st.sampled_from([0.0, 0.3, 1.1, 5.0]),
    depth=st.sampled_from([1, 2, 4, 2000]),
    k=st.sampled_from([1, 2, 5, 100]),
    part=st.sampled_from([None, 0, 1]),
)
#: A question without words needs a vector.
ASKED_BY_WORDS = ASKED.filter(lambda asked: bool(asked.question)).map(
    lambda asked: replace(asked, vector=None, mode="lexical")
)


class Machine(RuleBasedStateMachine):
    """One folder, three who have it open all the time, and the dictionary."""

    merge_factor = 3
    graph_worth = 200_000

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(segments, "MERGE_FACTOR", self.merge_factor)
        self.patch.setattr(graph, "WORTH", self.graph_worth)
        self.patch.setattr(writer, "BATCH", 4)
        # Every change is synced to the disk; where the system has one in memory, that costs nothing.
        self.folder = TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.address = str(Path(self.folder.name) / "index")
        create_index(self.address, small_profile(dimension=DIMENSION, analyzer="standard"))
        self.model = Model()
        self.tally = Tally()
        #: The first stays open from before everything, the last is opened anew from time to time.
        self.open = [self.open_one() for _ in range(3)]

    def open_one(self) -> LocalIndex:
        index = open_index(self.address)
        assert isinstance(index, LocalIndex)
        return index

    def teardown(self) -> None:
        assert self.tally.equal_swaps == 0
        assert {check.name for check in examine(Path(self.address)) if not check.passed} <= {"coverage"}
        for index in self.open:
            index.close()
        self.folder.cleanup()
        self.patch.undo()

    @rule(passages=st.lists(PASSAGES, max_size=9), who=st.integers(0, 2))
    def add(self, passages: list[Passage], who: int) -> None:
        assert self.open[who].add(passages) == self.model.add(passages)

    @rule(passages=st.lists(PASSAGES, max_size=3), bad=st.sampled_from(["", "x" * 513, "\ud800"]))
    def add_with_one_that_is_refused(self, passages: list[Passage], bad: str) -> None:
        report = self.open[0].add([*passages, Passage(bad, "w0", vector=[1.0] * DIMENSION)])
        assert [one.id for one in report.failures] == [bad]
        assert report == self.model.add(passages) + BulkReport(failures=report.failures)

    @rule(ids=st.lists(IDS, max_size=5), who=st.integers(0, 2))
    def delete(self, ids: list[str], who: int) -> None:
        assert self.open[who].delete(ids) == self.model.delete(ids)

    @rule(documents=st.lists(st.one_of(st.sampled_from(["d", "e"]), IDS), max_size=3))
    def delete_documents(self, documents: list[str]) -> None:
        assert self.open[1].delete_documents(documents) == self.model.delete_documents(documents)

    @rule(size=st.integers(1, 5), vector=VECTORS)
    def fill(self, size: int, vector: tuple[float, ...]) -> None:
        asked: list[tuple[str, str]] = []

        def encode(pairs: Sequence[tuple[str, str]]) -> list[Vector | str]:
            asked.extend(pairs)
            return ["it is bad" if "bad" in text else np.array(vector, np.float32) for _, text in pairs]

        pending = self.model.pending
        with self.open_one() as index:
            filled = sum(index.intake().fill_pending(encode, size), Filled())
        outcomes = {one.id: "it is bad" if "bad" in one.text else vector for one in pending}
        self.model.fill(outcomes)
        assert sorted(asked) == sorted((one.title, one.text) for one in pending)
        failed = sum(isinstance(one, str) for one in outcomes.values())
        assert filled == Filled(encoded=len(pending) - failed, failed=failed)

    @rule(who=st.integers(0, 2))
    def settle(self, who: int) -> None:
        share = self.open[who].settle()
        assert (share.passages, share.deleted) == (len(self.model.passages), 0)
        encoded = self.model.status().encoded
        assert self.rows_on_disk() == {POSTINGS: len(self.model.passages), VECTOR_FIELD: encoded}
        assert share.segments == bool(self.model.passages) + bool(encoded) + (encoded >= self.graph_worth)

    def rows_on_disk(self) -> dict[str, int]:
        with closing(database.open_to_read(Path(self.address))) as connection:
            found = segments.read_segments(connection)
        return {kind: sum(one.size for one in found if one.kind == kind) for kind in (POSTINGS, VECTOR_FIELD)}

    @rule()
    def reopen(self) -> None:
        self.open.pop().close()
        self.open.append(self.open_one())

    @rule(asked=st.one_of(ASKED, ASKED_BY_WORDS))
    def search(self, asked: Asked) -> None:
        results = [index.search(asked.question, **asked.options) for index in self.open]
        truth = self.model.truth(asked)
        check_hits(results[0].hits, truth, asked.k, self.tally)
        for result in results:
            assert result.hits == results[0].hits
            for hit in result.hits:
                stored = self.model.passages[hit.id]
                assert (hit.title, hit.text, hit.meta) == (stored.title, stored.text, stored.meta)

    @rule(asked=st.lists(ASKED, min_size=1, max_size=4))
    def search_many(self, asked: list[Asked]) -> None:
        options = {name: value for name, value in asked[0].options.items() if name != "vector"}
        questions, vectors = [one.question for one in asked], [one.vector for one in asked if one.vector is not None]
        together = self.open[0].search_many(questions, vectors, **options)
        apart = [
            self.open[0].search(question, vector=vector, **options)
            for question, vector in zip(questions, vectors, strict=True)
        ]
        assert [result.hits for result in together] == [result.hits for result in apart]

    @precondition(lambda self: self.model.passages)
    @rule(data=st.data())
    def equal_passages_are_ordered_by_id(self, data: st.DataObject) -> None:
        original = data.draw(st.sampled_from(self.model.ordered()))
        copies = [
            Passage(name, original.text, original.title, meta=original.meta, vector=original.vector)
            for name in ("~1", "!2", original.id)
        ]
        for copy in data.draw(st.permutations(copies)):
            self.add([copy], 0)
        for mode in ("hybrid", "lexical", "dense"):
            asked = Asked(original.text, (1.0, -1.0, 2.0), mode, 1.1, 2000, 100, None)
            hits = self.open[0].search(asked.question, **asked.options).hits
            found = [hit for hit in hits if hit.id in {copy.id for copy in copies}]
            assert len({(hit.score, hit.bm25, hit.sim) for hit in found}) <= 1
            assert [hit.id for hit in found] == sorted(hit.id for hit in found)

    @rule(who=st.integers(0, 2))
    def scan(self, who: int) -> None:
        found = [passage for page in self.open[who].scan() for passage in page]
        wanted = self.model.ordered()
        assert [one.id for one in found] == [one.id for one in wanted]
        for one, other in zip(found, wanted, strict=True):
            assert (one.title, one.text, one.meta) == (other.title, other.text, other.meta)
            assert (one.document_id, one.number) == (document_of(other), other.number)
            if other.vector is None:
                assert one.vector is None
            else:
                assert one.vector is not None
                assert_array_equal(np.asarray(one.vector), np.asarray(other.vector, np.float32))

    @invariant()
    def counts_agree(self) -> None:
        for index in self.open:
            assert index.status() == self.model.status()

    @rule()
    def states_agree(self) -> None:
        states = self.model.states()
        assert self.open[0].intake().states([*states, "never there", "\ud800"]) == states

    @invariant()
    def files_are_those_that_count(self) -> None:
        files = {path.stem for path in (Path(self.address) / segments.FOLDER).glob("*")}
        with closing(database.open_to_read(Path(self.address))) as connection:
            assert files == {segment.name for segment in segments.read_segments(connection)}


class Lazy(Machine):
    """Never merges, unless what is dead is more than what lives."""

    merge_factor = 1000


class Eager(Machine):
    """Merges whatever has a neighbour, and builds a graph of everything that is settled."""

    merge_factor = 2
    graph_worth = 1


EVERY_TIME = settings(
    max_examples=25, stateful_step_count=30, suppress_health_check=list(HealthCheck), report_multiple_bugs=False
)
LONG = settings(EVERY_TIME, max_examples=300, stateful_step_count=50)


@pytest.mark.parametrize("machine", [Machine, Lazy, Eager])
def test_index_is_what_a_dictionary_would_be(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=EVERY_TIME)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [Machine, Lazy, Eager])
def test_index_is_what_a_dictionary_would_be_for_much_longer(machine: type[Machine]) -> None:
    run_state_machine_as_test(machine, settings=LONG)
