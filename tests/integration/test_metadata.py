"""Typed metadata: guessed well, declared where it matters, and nothing beside it."""

from typing import Any

import opensearchpy
import pytest

from hybrid import IndexSpec, Passage, open_index
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.integration.faults import count, name_of

META: dict[str, dict[str, Any]] = {
    "old": {
        "lang": "en",
        "year": 1999,
        "weight": 0.5,
        "published": "1999-12-31",
        "draft": True,
        "by": {"name": "Ann"},
    },
    "new": {
        "lang": "de",
        "year": 2020,
        "weight": 2.5,
        "published": "2020-11-16",
        "draft": False,
        "by": {"name": "Bo"},
    },
}


@pytest.fixture(scope="module")
def address(make_index: MakeIndex) -> str:
    address = make_index()
    with open_index(address, settings=Settings()) as index:
        report = index.add((Passage(id=one, text="text", meta=meta) for one, meta in META.items()), refresh=True)
    assert (report.created, report.failures) == (2, ())
    return address


@pytest.mark.parametrize(
    "clause",
    [
        {"term": {"meta.lang": "de"}},
        {"terms": {"meta.lang": ["de", "fr"]}},
        {"range": {"meta.year": {"gte": 2000}}},
        {"range": {"meta.weight": {"gt": 0.5}}},
        {"range": {"meta.published": {"gte": "2000-01-01"}}},
        {"range": {"meta.published": {"gte": "2000-01-01||+20y/y", "lt": "now"}}},
        {"term": {"meta.draft": False}},
        {"prefix": {"meta.by.name": "B"}},
        {"bool": {"must_not": [{"term": {"meta.year": 1999}}]}},
        {"ids": {"values": ["new"]}},
        {"term": {"id": "new"}},
    ],
    ids=str,
)
def test_filter_on_typed_metadata_finds_the_newer_passage(clause: dict[str, Any], address: str) -> None:
    with open_index(address, settings=Settings()) as index:
        found = index.search("text", mode="lexical", filter=clause).hits
    assert [hit.id for hit in found] == ["new"]


def test_metadata_comes_back_as_it_went(address: str) -> None:
    with open_index(address, settings=Settings()) as index:
        found = {hit.id: hit.meta for hit in index.search("text", mode="lexical").hits}
    assert found == META


def test_metadata_is_guessed_as_the_type_that_it_looks_like(address: str, raw: Any) -> None:
    (found,) = raw.indices.get_mapping(index=name_of(address)).values()
    guessed = found["mappings"]["properties"]["meta"]["properties"]
    types = {name: body.get("type") for name, body in guessed.items() if name != "by"}
    assert types == {"lang": "keyword", "year": "long", "weight": "double", "published": "date", "draft": "boolean"}


def test_declared_types_go_before_guesses(make_index: MakeIndex, raw: Any) -> None:
    address = make_index(spec=IndexSpec(replicas=0, meta_types={"year": "keyword", "code": "long"}))
    with open_index(address, settings=Settings()) as index:
        assert index.add([Passage(id="1", text="t", meta={"year": 1999, "code": "42"})]).created == 1
    (found,) = raw.indices.get_mapping(index=name_of(address)).values()
    types = {name: body["type"] for name, body in found["mappings"]["properties"]["meta"]["properties"].items()}
    assert types == {"year": "keyword", "code": "long"}


def test_field_beside_the_known_ones_is_refused(address: str, raw: Any) -> None:
    with pytest.raises(opensearchpy.RequestError, match="strict_dynamic_mapping_exception"):
        raw.index(index=name_of(address), body={"id": "x", "colour": "blue"})


def test_passage_with_a_thousand_fields_of_metadata_is_refused_and_the_rest_is_written(
    make_index: MakeIndex, raw: Any
) -> None:
    address = make_index()
    flood = Passage(id="flood", text="t", meta={f"field{number}": number for number in range(1000)})
    with open_index(address, settings=Settings()) as index:
        report = index.add([Passage(id="1", text="t", meta={"lang": "en"}), flood, Passage(id="2", text="t")])
    assert [failure.id for failure in report.failures] == ["flood"]
    assert "total fields" in report.failures[0].reason
    assert count(raw, address) == 2
