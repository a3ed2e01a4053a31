"""Filters of a local index: set algebra over plain Python, the index behind them, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid import Passage
from hybrid.engines.local.clauses import EXAMPLES
from hybrid.engines.local.filters import MAX_TERMS
from hybrid.errors import FilterError
from tests.filter_facts import (
    BOOLS,
    LEAVES,
    MALFORMED,
    METAS,
    MISFITS,
    PASSAGES,
    SLOPPY,
    UNSUPPORTED,
    Clause,
    Wanted,
    everything,
    ids,
    years,
)
from tests.messages import assert_one_clear_line
from tests.shelf import Shelf


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    for passage in PASSAGES:
        shelf.put(passage)
    yield shelf
    shelf.close()


@pytest.mark.parametrize(("clause", "wanted"), LEAVES + BOOLS, ids=[str(clause) for clause, _ in LEAVES + BOOLS])
def test_clause_finds_what_python_finds(clause: Clause, wanted: Wanted, shelf: Shelf) -> None:
    assert shelf.find(clause) == ids(wanted)


def test_no_clause_lets_all_through_and_several_must_all_hold(shelf: Shelf) -> None:
    assert shelf.find() == ids(everything)
    both = shelf.find({"term": {"meta.lang": "en"}}, {"term": {"meta.draft": False}})
    assert both == ids(lambda meta: meta["lang"] == "en" and not meta["draft"])


def brute(clause: Clause) -> set[str]:
    """Combine what the leaves find by the rules of a filter's bool."""
    ((name, body),) = clause.items()
    if name != "bool":
        return set(ids(next(wanted for leaf, wanted in LEAVES if leaf == clause)))
    parts = {}
    for key in ("must", "filter", "must_not", "should"):
        some = body.get(key) or []
        parts[key] = [brute(one) for one in (some if isinstance(some, list) else [some])]
    must, should = parts["must"] + parts["filter"], parts["should"]
    least = int(body.get("minimum_should_match") or 0)
    least = max(0, least + len(should) if least < 0 else least)
    if not must:
        least = max(1, least) if should else 0
    found = set(ids(everything)).intersection(*must).difference(*parts["must_not"])
    return {one for one in found if sum(one in part for part in should) >= least}


_LEAF = st.sampled_from([leaf for leaf, _ in LEAVES])


def _bools(inner: st.SearchStrategy[Clause]) -> st.SearchStrategy[Clause]:
    some = st.none() | inner | st.lists(inner, max_size=3)
    least = st.none() | st.integers(-3, 3) | st.sampled_from(["1", "-1", " 2 "])
    names = dict.fromkeys(("must", "filter", "must_not", "should"), some) | {"minimum_should_match": least}
    return st.fixed_dictionaries({}, optional=names).map(lambda body: {"bool": body})


@given(clause=_bools(st.recursive(_LEAF, _bools, max_leaves=6)))
def test_bool_is_set_algebra(clause: Clause, shelf: Shelf) -> None:
    assert shelf.find(clause) == sorted(brute(clause))


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", 9), ("a", 3), ("a\uffff", 1), ("\U0010ffff", 2), ("\U0010ffff\U0010ffff", 1), ("\ud7ff", 1),
        ("\ue000", 1), ("a\0", 1), ("%", 0), ("_", 0), ("é", 1), ("e", 0),
    ],
)  # fmt: skip
def test_prefix_goes_by_letters_at_the_ends_of_unicode_too(tmp_path: Path, prefix: str, found: int) -> None:
    words = ["a", "a\uffff", "a\0b", "b", "\U0010ffff", "\U0010ffff\U0010ffff", "\ud7ff", "\ue000", "é"]
    shelf = Shelf(tmp_path)
    for word in words:
        shelf.put(Passage(word, "t", meta={"f": word}))
    assert shelf.find({"prefix": {"meta.f": prefix}}) == sorted(word for word in words if word.startswith(prefix))
    assert len(shelf.find({"prefix": {"meta.f": prefix}})) == found
    shelf.close()


def test_minus_zero_is_less_than_zero_as_for_lucene(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for number in ("-1.0", "-0.0", "0.0", "1.0"):
        shelf.put(Passage(number, "t", meta={"f": float(number)}))
    assert shelf.find({"term": {"meta.f": 0}}) == ["0.0"]
    assert shelf.find({"term": {"meta.f": -0.0}}) == ["-0.0"]
    assert shelf.find({"range": {"meta.f": {"lt": 0}}}) == ["-0.0", "-1.0"]
    assert shelf.find({"range": {"meta.f": {"gt": -0.0}}}) == ["0.0", "1.0"]
    assert shelf.find({"range": {"meta.f": {"gte": "-Infinity", "lt": "Infinity"}}}) == ["-0.0", "-1.0", "0.0", "1.0"]
    shelf.close()


def test_object_exists_where_something_lies_in_it_and_not_beside_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for name in ("a.b", "a.c.d", "a/b", "a-b", "a0", "ab", "b.a"):
        shelf.put(Passage(name, "t", meta={name: 1}))
    assert shelf.find({"exists": {"field": "meta.a"}}) == ["a.b", "a.c.d"]
    assert shelf.find({"exists": {"field": "meta.a.c"}}) == ["a.c.d"]
    assert shelf.find({"exists": {"field": "meta.b"}}) == ["b.a"]
    shelf.close()


def test_as_many_terms_as_the_cluster_takes_and_no_more(shelf: Shelf) -> None:
    many = [*range(MAX_TERMS - 1), 1995]
    assert shelf.find({"terms": {"meta.year": many}}) == ids(lambda meta: any(one in many for one in years(meta)))
    with pytest.raises(FilterError, match="65537 values; 65536 are allowed"):
        shelf.find({"terms": {"meta.year": [*many, 1]}})


#: Clauses that read one field, and what they read of the table's key.
SEARCHES = [
    ({"term": {"meta.lang": "en"}}, "(field=? AND value=?)"),
    ({"terms": {"meta.lang": ["en", "de"]}}, "(field=? AND value=?)"),
    ({"prefix": {"meta.lang": "en"}}, "(field=? AND value>? AND value<?)"),
    ({"range": {"meta.year": {"gte": 1993, "lt": 1996}}}, "(field=? AND value>? AND value<?)"),
    ({"range": {"meta.by.age": {"lt": 1}}}, "(field=? AND value<?)"),
    ({"term": {"meta.day": "2020-01-05"}}, "(field=? AND value>? AND value<?)"),
    ({"exists": {"field": "meta.lang"}}, "(field=?)"),
    ({"exists": {"field": "meta.by"}}, "(field>? AND field<?)"),
]


@pytest.mark.parametrize(("clause", "searched"), SEARCHES, ids=str)
def test_metadata_is_found_by_its_key(clause: Clause, searched: str, shelf: Shelf) -> None:
    shelf.find(clause)
    assert shelf.asked
    for statement, parameters in list(shelf.asked):
        plan = shelf.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        assert [row[-1] for row in plan] == [f"SEARCH meta USING PRIMARY KEY {searched}"]


def test_ids_and_documents_are_found_by_their_indexes(shelf: Shelf) -> None:
    for clause in ({"ids": {"values": ["p1", "p2"]}}, {"term": {"id": "p1"}}, {"term": {"document_id": "d1"}}):
        shelf.find(clause)
        for statement, parameters in list(shelf.asked):
            ((*_, plan),) = shelf.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            assert plan.startswith("SEARCH passages USING COVERING INDEX")


@pytest.mark.parametrize(("clause", "words"), UNSUPPORTED + MISFITS, ids=str)
def test_what_a_local_index_cannot_do_is_refused_by_name(clause: Clause, words: str, shelf: Shelf) -> None:
    for whole in (clause, {"bool": {"must_not": [{"bool": {"should": [{"match_all": {}}, clause]}}]}}):
        with pytest.raises(FilterError, match=words) as raised:
            shelf.find(whole)
        assert_one_clear_line(raised.value)


@pytest.mark.parametrize("clause", MALFORMED + SLOPPY, ids=str)
def test_clause_that_cannot_be_read_is_refused_with_an_example(clause: Any, shelf: Shelf) -> None:
    with pytest.raises(FilterError) as raised:
        shelf.find(clause)
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize("unwritable", [{"ids": {"values": [object()]}}, {"ids": {"values": [2**64]}}, {5: {}}])
def test_filter_that_no_request_can_carry_is_refused(unwritable: Any, shelf: Shelf) -> None:
    with pytest.raises(FilterError, match="cannot be written as JSON") as raised:
        shelf.find(unwritable)
    assert_one_clear_line(raised.value)


def test_filter_deeper_than_json_is_refused(shelf: Shelf) -> None:
    clause: Clause = {"match_all": {}}
    for _ in range(80):
        clause = {"bool": {"must": [clause]}}
    assert len(shelf.find(clause)) == len(METAS)
    for _ in range(100):
        clause = {"bool": {"must": [clause]}}
    with pytest.raises(FilterError, match="cannot be written as JSON"):
        shelf.find(clause)


def test_every_clause_has_an_example_that_works(shelf: Shelf) -> None:
    for name, example in EXAMPLES.items():
        clause = orjson.loads(example)
        assert [*clause] == [name]
        shelf.find(clause)


_KEYS = [*EXAMPLES, "must", "should", "field", "value", "values", "gte", "meta.lang", "meta.year", "id"]
_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=3),
)


@given(clause=_ANY_JSON)
def test_any_json_is_a_filter_or_one_clear_error(shelf: Shelf, clause: Any) -> None:
    try:
        shelf.find(clause)
    except FilterError as error:
        said = str(error)
    else:
        said = ""
    assert len(said.splitlines()) <= 1
