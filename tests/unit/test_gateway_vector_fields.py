"""No search reads a field of vectors, by whatever way; naming one where it shows nothing passes."""

import json
from typing import Any

import pytest

from hybrid.errors import GatewayError
from hybrid.gateway.policy import check_vectors
from tests.gateway_golden import SENT
from tests.messages import assert_one_clear_line

#: Bodies that read a field; FIELD stands for its name.
READING: dict[str, Any] = {
    "nested": {"query": {"bool": {"must_not": [{"nested": {"path": "FIELD", "query": {"match_all": {}}}}]}}},
    "nested facet": {"aggs": {"a": {"terms": {"field": "a"}, "aggs": {"n": {"nested": {"path": "FIELD"}}}}}},
    "back from nested": {"aggs": {"n": {"reverse_nested": {"path": "FIELD"}}}},
    "nested sort": {"sort": [{"a": {"order": "asc", "nested": {"path": "FIELD"}}}]},
    "highlight": {"highlight": {"fields": {"FIELD": {}}}},
    "highlight in a list": {"highlight": {"fields": [{"a": {}}, {"FIELD": {"type": "plain"}}]}},
    "highlight beside": {"highlight": {"fields": {"a": {"matched_fields": ["a", "FIELD"]}}}},
    "highlight of a facet": {"aggs": {"a": {"top_hits": {"highlight": {"fields": {"FIELD": {}}}}}}},
    "words of a facet": {"aggs": {"a": {"significant_text": {"field": "a", "source_fields": ["FIELD"]}}}},
    "a facet called exists": {"aggs": {"exists": {"significant_text": {"field": "a", "source_fields": "FIELD"}}}},
    "facet": {"aggs": {"a": {"terms": {"field": "FIELD"}}}},
    "pairs": {"aggs": {"a": {"multi_terms": {"terms": [{"field": "a"}, {"field": "FIELD"}]}}}},
    "sort": {"sort": ["_score", "FIELD"]},
    "sort with an order": {"sort": {"FIELD": "asc"}},
    "collapse": {"collapse": {"field": "FIELD"}},
    "range": {"query": {"range": {"FIELD": {"gte": 0}}}},
    "function": {"query": {"function_score": {"field_value_factor": {"field": "FIELD"}}}},
    "unknown": {"some_day": {"knn": {"FIELD": {"k": 1}}}},
}
#: Bodies that show no more of a field than that it is there, or what is taken out again.
SHOWING: dict[str, Any] = {
    "exists": {"query": {"exists": {"field": "FIELD"}}},
    "left out": {"_source": {"excludes": ["FIELD"]}},
    "source": {"_source": ["FIELD"]},
    "fields": {"fields": ["FIELD"], "docvalue_fields": ["FIELD"], "stored_fields": ["FIELD"]},
    "words": {"query": {"match": {"a": "FIELD"}}},
    "value": {"query": {"terms": {"a": ["FIELD"]}}},
}


@pytest.mark.parametrize("kind", READING)
def test_a_field_of_vectors_is_not_read(kind: str) -> None:
    for name, fields in (("v", ["u", "v"]), ("v.deep.vector", ["v"]), ("n.v", ["n.v"])):
        body = json.loads(json.dumps(READING[kind]).replace("FIELD", name))
        with pytest.raises(GatewayError, match="a field of vectors at ") as raised:
            check_vectors(body, fields)
        assert_one_clear_line(raised.value)
        for others in ([], ["vector"], [f"{name}.more"], [f"{name}s"]):
            check_vectors(body, others)


@pytest.mark.parametrize("kind", SHOWING)
def test_a_field_of_vectors_may_be_named_where_it_shows_nothing(kind: str) -> None:
    check_vectors(json.loads(json.dumps(SHOWING[kind]).replace("FIELD", "v")), ["v"])


@pytest.mark.parametrize("page", SENT)
def test_real_pages_read_no_vectors(page: str) -> None:
    check_vectors(SENT[page], ["vec_0123456789"])
