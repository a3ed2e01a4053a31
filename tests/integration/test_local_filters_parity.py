"""A local index against a real node: the same metadata is taken or refused, and the same filters find the same."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hybrid.engines.local.dates import DateKind
from hybrid.engines.local.fields import MAX_FIELDS, MAX_LISTS, MAX_OBJECTS
from tests.conftest import MakeIndex
from tests.filter_facts import BOOLS, LEAVES, MALFORMED, MISFITS, PASSAGES, SLOPPY, UNSUPPORTED, ids
from tests.integration.faults import name_of
from tests.integration.twins import REFUSED, Twins
from tests.made_meta import make_bool, make_leaf, make_meta
from tests.meta_facts import DASHED, MILLIS, NAMED_ZONES, NO_DATES, NO_SUCH_DAY, SLASHED, STORED
from tests.meta_facts import REFUSED as MISFIT_VALUES
from tests.shelf import Shelf

Meta = dict[str, Any]
MakeTwins = Callable[[], Twins]

#: Metadata of several passages, one after the other; each story has fields of its own.
STORIES: list[list[Meta]] = [
    [{"a": None}, {"a": []}, {"a": [None]}, {"a": 5}, {"a": None}, {"a": [None, 6]}, {"a": [[7]]}, {"a": {}}],
    [{"a": {}}, {"a": 5}, {"a": None}, {"a": [{}]}, {"a": [None]}, {"a": [[]]}, {"a": {"b": None}},
     {"a": {"b": {"c": 1}}}],
    [{"a": [{}]}, {"a": 5}, {"a": [[{}]]}],
    [{"a": 5}, {"a": {"b": 1}}, {"a": {}}, {"a.b": 1}, {"a": {"b": None}}, {"a.b": None}, {"a.b": []}, {"a.b": {}}],
    [{"a": {"b": 1}}, {"a": 5}, {"a": [5]}, {"a": [{"b": 2}, {"b": [3]}]}, {"a.b": 7}, {"a.c": "x"},
     {"a": {"c": 9}}],
    [{"a": [1, "x"]}, {"a": [1, 2.5]}, {"a": [True, 1]}, {"a": ["2020-01-01", "x"]}, {"a": ["5", "2020-01-01"]},
     {"a": "x"}],
    [{"a": [1, {"b": 2}]}, {"a": [{"b": 2}, 1]}, {"a": [{"b": 2}, {"b": "x"}]}, {"a": [{"b": 2}, {"c": "x"}]}],
    [{"a": ["2020/01/01", "2020-01-01"]}, {"a": "2020/01/01"}, {"a": "2020-01-01"}, {"a": 2020}, {"a": None}],
    [{"a.b": 1, "a": 5}, {"a": 5, "a.b": 1}, {"a.b": 1, "a": {"b": "x"}}, {"a.b": 1, "a": {"b": 2}},
     {"a": {"b.c": 1}}],
    [{"a.b": []}, {"a": 5}, {"a": {"b": "x"}}],
    [{"a.b": [None]}, {"a": 5}],
    [{"a.b": None}, {"a": 5}],
    [{"a.b": [[]]}, {"a": 5}],
    [{".a": 1}, {"a..b": 1}, {".": 1}, {"": 1}, {" ": 1}, {"a. ": 1}, {"": None}, {".a": None}, {"": []},
     {"a": {"": 1}}],
    [{" a": 1}, {"a b": 1}, {"_id": 1}, {"a*": 1}, {"a,b": 1}, {"a#b": 1}, {'a"b': 1}, {"é": 1}, {"a\0b": 1},
     {"a/b": 1}],
    [{"a": 2**63}, {"a": 2**64 - 1}, {"a": 2**64}, {"a": float("nan")}, {"a": float("inf")}, {"a": "\ud800"},
     {"a": 5}],
    [{"a": "x" * 2000}, {"a": 5}, {"a": "true"}],
    [{"a": ""}, {"a": 5}],
    [{"a": "5"}, {"a": 5}],
    [{"a": "true"}, {"a": True}],
]  # fmt: skip
#: What only the cluster takes: names that it cuts, and what Java reads of a string.
STRICTER: list[Meta] = [
    {"a.": 1}, {" ": None}, {"\u00a0": 1}, {"long": "٥"}, {"double": "0x1p3"},
    *({"zone": f"2020-01-01T10:00:00{zone}"} for zone in NAMED_ZONES),
]  # fmt: skip
SEED = 20201116
PASSAGES_MADE, FILTERS_MADE = 200, 300


@pytest.fixture
def make_twins(make_index: MakeIndex, raw: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeTwins]:
    made: list[Twins] = []

    def make() -> Twins:
        made.append(Twins(raw, name_of(make_index()), Shelf(tmp_path_factory.mktemp("shelf"))))
        return made[-1]

    yield make
    for twins in made:
        twins.shelf.close()


def assert_written_alike(twins: Twins, metas: list[Meta]) -> list[bool]:
    """Write to both, compare everything that is stored, and give which passages were taken."""
    verdicts = twins.write(metas)
    differing = [(meta, *both) for meta, both in zip(metas, verdicts, strict=True) if bool(both[0]) != bool(both[1])]
    assert differing == []
    assert twins.real_kinds() == twins.shelf.kinds
    assert twins.real_values() == twins.local_values()
    return [not real for real, _ in verdicts]


def assert_answered_alike(twins: Twins, clauses: list[Any]) -> list[Any]:
    """Ask both, and give the answers."""
    answers = twins.ask(clauses)
    assert [(clause, *both) for clause, both in zip(clauses, answers, strict=True) if both[0] != both[1]] == []
    return [real for real, _ in answers]


def test_fields_get_their_kinds_in_the_same_turns(make_twins: MakeTwins) -> None:
    stories = [[{f"story{number}": meta} for meta in story] for number, story in enumerate(STORIES)]
    top_level = [meta for story in STORIES[-5:] for meta in story]
    assert_written_alike(make_twins(), [meta for story in stories for meta in story] + top_level)


def test_values_are_coerced_alike(make_twins: MakeTwins) -> None:
    twins = make_twins()
    firsts = {kind: value for kind, cases in STORED.items() for value, stored in cases if stored is not None}
    fitting = {
        "keyword": "a",
        "long": 5,
        "double": 5.5,
        "date": "2020-05-06",
        "slash_date": "2020/05/06",
        "boolean": True,
    }
    assert firsts.keys() == fitting.keys()
    assert_written_alike(twins, [fitting | {"object": {}}])
    stored: list[Meta] = [{kind: value} for kind, cases in STORED.items() for value, _ in cases]
    assert all(assert_written_alike(twins, stored))
    assert not any(assert_written_alike(twins, [{kind: one} for kind, some in MISFIT_VALUES.items() for one in some]))


def test_strings_are_taken_for_dates_alike(make_twins: MakeTwins) -> None:
    twins = make_twins()
    texts = [*DASHED, *SLASHED, *NO_DATES]
    everything = {f"field{number}": text for number, text in enumerate(texts)}
    assert assert_written_alike(twins, [everything, *({"f": text} for text in NO_SUCH_DAY)]) == [True] + [
        False
    ] * len(NO_SUCH_DAY)
    assert [twins.real_kinds()[f"field{number}"] for number in range(len(DASHED))].count("date") == len(DASHED) - 3


@pytest.mark.parametrize(
    ("kind", "first", "texts"),
    [("date", "2020-05-06", DASHED | MILLIS), ("slash_date", "2020/05/06", MILLIS | SLASHED)],
)
def test_dates_are_compared_alike(
    kind: DateKind, first: str, texts: dict[str, tuple[int, int]], make_twins: MakeTwins
) -> None:
    twins = make_twins()
    moments = sorted({moment + step for ends in texts.values() for moment in ends for step in (-1, 0, 1)})
    written = [{"f": first}, *({"f": f"{moment}."} for moment in moments if abs(moment) < 2**63)]
    assert all(assert_written_alike(twins, written))
    assert twins.real_kinds() == {"f": kind}
    ranges = [{"range": {"meta.f": {sign: text}}} for text in texts for sign in ("gt", "gte", "lt", "lte")]
    answers = assert_answered_alike(twins, [*({"term": {"meta.f": text}} for text in texts), *ranges])
    assert REFUSED not in answers


def test_filters_find_the_same(make_twins: MakeTwins) -> None:
    twins = make_twins()
    assert twins.write_passages(PASSAGES) == [("", "")] * len(PASSAGES)
    assert twins.real_values() == twins.local_values()
    known = LEAVES + BOOLS
    assert assert_answered_alike(twins, [clause for clause, _ in known]) == [ids(wanted) for _, wanted in known]
    refused = [clause for clause, _ in MISFITS] + MALFORMED
    assert assert_answered_alike(twins, refused) == [REFUSED] * len(refused)


def test_what_only_the_cluster_takes_is_refused_by_name_and_not_answered_otherwise(make_twins: MakeTwins) -> None:
    twins = make_twins()
    twins.write_passages(PASSAGES)
    clauses = [clause for clause, _ in UNSUPPORTED] + SLOPPY
    answers = twins.ask(clauses)
    assert [clause for clause, (_, local) in zip(clauses, answers, strict=True) if local != REFUSED] == []
    assert [clause for clause, (real, _) in zip(clauses, answers, strict=True) if real == REFUSED] == []
    twins.write([{"long": 5, "double": 5.5}])
    verdicts = twins.write(STRICTER)
    assert [meta for meta, (real, local) in zip(STRICTER, verdicts, strict=True) if real or not local] == []


def test_fields_objects_and_lists_have_the_same_limits(make_twins: MakeTwins) -> None:
    deep, full = make_twins(), make_twins()
    names = [".".join("a" * length) for length in (MAX_OBJECTS + 1, MAX_OBJECTS + 2)]
    inners: list[Any] = [None, {}, 5]
    nested = [
        *({name: 1} for name in names), *({name: {}} for name in names), {names[1]: None},
        *(nest(MAX_OBJECTS + more, inner) for more in range(3) for inner in inners),
        *({"b": enlist(depth, 5)} for depth in (MAX_LISTS, MAX_LISTS + 1)),
        *({"c": enlist(10, {"d": enlist(depth, 5)})} for depth in (10, 11)),
    ]  # fmt: skip
    assert_written_alike(deep, nested)
    most = {f"field{number}": number for number in range(MAX_FIELDS - 2)}
    metas: list[Meta] = [
        most | {"a": 1, "b": 2, "c": 3},
        most,
        {"a": {"b": {}}},
        {"a": {"b": {"c": 1}}},
        {"c": 1},
        {"c": None},
    ]
    assert assert_written_alike(full, metas) == [False, True, True, False, False, True]


def test_made_up_metadata_and_filters_agree(make_twins: MakeTwins) -> None:
    twins, rng = make_twins(), random.Random(SEED)
    taken = assert_written_alike(twins, [make_meta(rng) for _ in range(PASSAGES_MADE)])
    leaves = [make_leaf(rng, twins.shelf.kinds) for _ in range(FILTERS_MADE)]
    answers = assert_answered_alike(twins, leaves)
    valid = [leaf for leaf, answer in zip(leaves, answers, strict=True) if answer != REFUSED]
    combined = assert_answered_alike(twins, [make_bool(rng, valid, 3) for _ in range(FILTERS_MADE)])
    # Enough of everything happened: passages taken and refused, filters refused, and some that find something.
    assert 0.2 < sum(taken) / PASSAGES_MADE < 0.8
    assert 0.1 < answers.count(REFUSED) / FILTERS_MADE < 0.4
    assert sum(map(bool, answers + combined)) > FILTERS_MADE / 2


def nest(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = {"a": inner}
    return inner


def enlist(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner
