"""What vectors hold stays inside, whichever way a page asks; of an adopted index, its documents' own vectors, too."""

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway_server import HYBRID, Server, gateway
from tests.integration.gateway_asking import PATIENT
from tests.services.discover import Service

#: Of words of a text, so that a document cut into passages of so many has several vectors.
SPLIT = 3
WORDS = "the moon pulls the tide of the ocean"
OWN = [0.8125439, -0.5829163]
VECTOR = {"type": "knn_vector", "dimension": 2, "method": {"name": "hnsw", "engine": "lucene"}}
FIELDS: dict[str, Any] = {
    "body": {"type": "text"},
    "group": {"type": "keyword"},
    "soon": {"type": "completion"},
    "face": VECTOR,
    "mirror": {"type": "alias", "path": "face"},
    "meta": {"properties": {"face": VECTOR}},
    "parts": {
        "type": "nested",
        "properties": {
            "name": {"type": "keyword"},
            "face": VECTOR,
            "more": {"type": "nested", "properties": {"face": VECTOR}},
        },
    },
}
ALL: Any = {"match_all": {}}
ODD: Any = {"match": {"body": "odd"}}
NUMBER = re.compile(r"\d+\.\d+(?:[eE]-?\d+)?")


def make_document(number: int) -> dict[str, Any]:
    part = {"name": "part", "face": OWN, "more": [{"face": OWN}]}
    return {
        "body": f"{WORDS} {('even', 'odd')[number % 2]}",
        "group": "all",
        "soon": "moon",
        "face": OWN,
        "meta": {"face": OWN, "colour": "blue"},
        "parts": [part, part] if number % 3 else part,
    }


@pytest.fixture(scope="module", params=[0, SPLIT], ids=["whole", "split"])
def adopted(
    request: pytest.FixtureRequest, raw: Any, opensearch: Service, model: Path
) -> Iterator[tuple[str, list[str], set[float]]]:
    """Give an index, the fields of our vectors and the sizes of all numbers in vectors."""
    name = f"hidden-{secrets.token_hex(6)}"
    settings = {"number_of_replicas": 0, "knn": True}
    raw.indices.create(index=name, body={"settings": settings, "mappings": {"properties": FIELDS}})
    for number in range(10):
        raw.index(index=name, id=str(number), body=make_document(number))
    raw.indices.refresh(index=name)
    where, cut = f"{opensearch.url}/{name}", ["--split", str(request.param)] if request.param else []
    options = ["--text", "body", "--encoder", str(model), "--scale", "20", "--replicas", "0", *cut]
    subprocess.run([HYBRID, "adopt", where, f"{where}-new", *options], check=True, capture_output=True)
    (mapping,) = raw.indices.get_mapping(index=f"{name}-new").values()
    (field,) = (one for one in mapping["mappings"]["properties"] if one.startswith("vec_"))
    found = raw.search(index=f"{name}-new", body={"size": 100, "_source": [field, "face"]})["hits"]["hits"]
    assert len(found) == 10
    sizes = {float(one) for hit in found for one in NUMBER.findall(json.dumps(hit["_source"]))}
    assert set(map(abs, OWN)) < sizes
    yield f"{name}-new", [field, f"{field}.vector"] if request.param else [field], sizes
    raw.indices.delete(index=f"{name}*")


@pytest.fixture(scope="module")
def on(
    adopted: tuple[str, list[str], set[float]], opensearch: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("gateway")
    with gateway(folder, opensearch.url, "--index", adopted[0], "--policy", "report", *PATIENT) as server:
        yield server


def mark(field: str, **options: Any) -> Any:
    return {"query": ODD, "_source": False, "highlight": {"require_field_match": False, "fields": {field: options}}}


def count(**kind: Any) -> Any:
    return {"size": 0, "query": ODD, "aggs": {"a": kind}}


def inner(path: str, **options: Any) -> Any:
    return {"nested": {"path": path, "query": ALL, "inner_hits": options}}


#: Bodies that show to who asks the cluster itself what FIELD holds; it lies in PATH, or holds objects itself.
SHOWING: dict[str, Any] = {
    "source": {},
    "source by name": {"_source": ["FIELD"]},
    "stored source": {"stored_fields": ["_source"]},
    "fields": {"_source": False, "fields": ["FIELD"]},
    "all fields": {"_source": False, "fields": ["*"]},
    "text": {"query": {"match": {"body": "moon"}}, "fields": ["*"]},
    "highlight": mark("FIELD", type="plain", no_match_size=9999),
    "unified highlight": mark("FIELD", type="unified", no_match_size=9999),
    "whole highlight": mark("FIELD", number_of_fragments=0, highlight_query={"wildcard": {"body": "*"}}),
    "words": count(significant_text={"field": "body", "source_fields": ["FIELD"], "min_doc_count": 1, "size": 99}),
    "top hits": count(top_hits={}),
    "top hits' fields": count(top_hits={"_source": False, "fields": ["*"]}),
    "top hits' highlight": count(top_hits={"highlight": {"fields": {"FIELD": {"no_match_size": 9999}}}}),
    "hits called _source": {"size": 0, "aggs": {"_source": {"top_hits": {}}}},
    "hits called fields": {"size": 0, "aggs": {"fields": {"filter": ALL, "aggs": {"highlight": {"top_hits": {}}}}}},
    "collapsed": {"_source": False, "collapse": {"field": "group", "inner_hits": {"name": "_source"}}},
    "completion": {"size": 0, "suggest": {"fields": {"prefix": "mo", "completion": {"field": "soon"}}}},
    "nested": {"_source": False, "query": inner("PATH")},
    "nested called fields": {"_source": False, "query": inner("PATH", name="fields")},
    "nested fields": {"_source": False, "query": inner("PATH", _source=False, fields=["*"])},
    "nested highlight": {
        "_source": False,
        "query": inner("PATH", highlight={"fields": {"FIELD": {"type": "plain", "no_match_size": 9999}}}),
    },
    "nested facet": count(nested={"path": "PATH"}, aggs={"x": {"top_hits": {}}}),
    "nested facet's fields": count(nested={"path": "PATH"}, aggs={"x": {"top_hits": {"fields": ["*"]}}}),
    "twice nested": {
        "_source": False,
        "query": {"nested": {"path": "parts", "query": inner("parts.more"), "inner_hits": {}}},
    },
}
#: Bodies by which a later cluster might; today they fail, or find nothing.
READING: dict[str, Any] = {
    "values": {"_source": False, "docvalue_fields": ["FIELD"]},
    "stored": {"stored_fields": ["FIELD", "*"]},
    "sort": {"_source": False, "sort": ["FIELD"]},
    "nested sort": {"_source": False, "sort": [{"FIELD": {"nested": {"path": "PATH"}}}]},
    "collapse": {"_source": False, "collapse": {"field": "FIELD"}},
    "pairs": count(multi_terms={"terms": [{"field": "group"}, {"field": "FIELD"}]}),
    "composite": count(composite={"sources": [{"a": {"terms": {"field": "FIELD"}}}]}),
    "histogram": count(histogram={"field": "FIELD", "interval": 1}),
    "mean": count(weighted_avg={"value": {"field": "FIELD"}, "weight": {"field": "FIELD"}}),
    "factor": {"_source": False, "query": {"function_score": {"field_value_factor": {"field": "FIELD"}}}},
    "decay": {"_source": False, "query": {"function_score": {"gauss": {"FIELD": {"origin": 0, "scale": 1}}}}},
    "distance": {"_source": False, "query": {"distance_feature": {"field": "FIELD", "pivot": "1", "origin": 1}}},
    "range": {"_source": False, "query": {"range": {"FIELD": {"gte": 0}}}},
    "language": {"_source": False, "query": {"query_string": {"query": "FIELD:0.8125439 OR _exists_:FIELD"}}},
    "like": {"_source": False, "query": {"more_like_this": {"fields": ["FIELD"], "like": "0.8125439"}}},
    "beside": mark("body", matched_fields=["body", "FIELD"], type="unified"),
    "suggestion": {"suggest": {"s": {"text": "moon", "term": {"field": "FIELD"}}}, "_source": False},
    **{
        kind: count(**{kind: {"field": "FIELD"}})
        for kind in ("terms", "rare_terms", "significant_terms", "significant_text", "cardinality", "stats", "max")
    },
}
OWN_FIELDS = ("face", "mirror", "meta.face", "parts.face", "parts.more.face")


def write(body: Any, field: str) -> Any:
    """Put a field, and the object that it lies in, in a body."""
    path = field.rpartition(".")[0] or field
    return json.loads(json.dumps(body).replace("FIELD", field).replace("PATH", path))


def shows(answer: bytes, sizes: set[float]) -> bool:
    return bool(sizes & {float(one) for one in NUMBER.findall(answer.decode())})


@pytest.mark.parametrize("kind", [*SHOWING, *READING])
def test_vectors_stay_inside_whatever_is_asked(
    kind: str, adopted: tuple[str, list[str], set[float]], on: Server
) -> None:
    name, ours, sizes = adopted
    bodies = [write({**SHOWING, **READING}[kind], field) for field in (*ours, *OWN_FIELDS)]
    several = on.searches([({"index": name}, body) for body in [*bodies, {"query": ODD}]])
    assert not shows(several.body, sizes)
    assert several.json["responses"][-1]["status"] == 200
    for body in bodies[:2]:
        assert not shows(on.search(name, body, X_Search_Mode="shadow").body, sizes)


@pytest.mark.parametrize("kind", SHOWING)
def test_mode_off_changes_nothing(
    kind: str, adopted: tuple[str, list[str], set[float]], on: Server, direct: Server
) -> None:
    name, ours, sizes = adopted
    pairs = [({"index": name}, write(SHOWING[kind], field)) for field in (*ours, *OWN_FIELDS)]
    off, told = on.searches(pairs, X_Search_Mode="off"), direct.searches(pairs)
    for one, other in zip(off.json["responses"], told.json["responses"], strict=True):
        assert {**one, "took": 0} == {**other, "took": 0}
    # Else the test above says nothing.
    assert shows(off.body, sizes)


def test_what_lies_beside_vectors_comes(adopted: tuple[str, list[str], set[float]], on: Server) -> None:
    name, _, _ = adopted
    body = {"query": inner("parts"), "size": 1, "aggs": {"a": {"top_hits": {"size": 1}}}}
    answer = on.search(name, body).json
    (hit,), (top,) = answer["hits"]["hits"], answer["aggregations"]["a"]["hits"]["hits"]
    for one in (hit, top):
        assert one["_source"]["meta"] == {"colour": "blue"}
        assert one["_source"].keys() == {"body", "group", "soon", "meta", "parts"}
    for part in hit["inner_hits"]["parts"]["hits"]["hits"]:
        assert part["_source"] == {"name": "part", "more": [{}]}
    there = on.search(name, {"query": {"exists": {"field": "face"}}})
    assert there.total == 10


def test_other_clients_see_none_either(adopted: tuple[str, list[str], set[float]], on: Server) -> None:
    name, _, sizes = adopted
    sent = json.dumps({"index": name, "question": WORDS}).encode()
    for path in ("/v1/search", "/v1/ask"):
        answer = on.ask("POST", path, sent)
        assert answer.status == 200
        assert not shows(answer.body, sizes)
    assert on.ask("POST", "/v1/search", sent).json["hits"][0]["meta"]["meta"] == {"colour": "blue"}
