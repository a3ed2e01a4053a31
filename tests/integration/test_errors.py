"""Bad input and bad answers: one clear error each, of the right kind, on one line."""

import json
import secrets
from typing import Any

import numpy as np
import pytest

from hybrid import IndexSpec, Passage, create_index, errors, open_index
from hybrid.errors import (
    EncoderMismatchError,
    FilterError,
    HybridError,
    IndexMissingError,
    PartialResultError,
    RefusedError,
    VectorError,
)
from hybrid.settings import Settings
from tests.conftest import MakeIndex, small_profile
from tests.integration.faults import count, index_behind, passages, rewriting
from tests.messages import assert_one_clear_line
from tests.services.discover import Service
from tests.services.http_server import Reply, Request, error_reply
from tests.services.recorder import always

VECTOR = np.ones(8)
MODES = ("hybrid", "lexical", "dense")
META = {"lang": "en", "year": 1999, "published": "1999-12-31"}
each_mode = pytest.mark.parametrize("mode", MODES)


@pytest.fixture(scope="module")
def address(make_index: MakeIndex) -> str:
    """Give an index of three shards with something in each."""
    address = make_index(small_profile(max_norm=3.0), IndexSpec(shards=3, replicas=0))
    with open_index(address, settings=Settings()) as index:
        report = index.add(passages(30, vector=VECTOR, meta=META), refresh=True)
    assert report.created == 30
    return address


def search_error(address: str, kind: type[HybridError], **options: Any) -> str:
    with open_index(address, settings=Settings()) as index, pytest.raises(kind) as raised:
        index.search("passage", **{"vector": VECTOR, **options})
    return assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    ("vector", "complaint"),
    [
        (VECTOR[:4], "has 4 numbers; the index holds vectors of 8"),
        (VECTOR * np.nan, "NaN"),
        (VECTOR * 1e300, "infinity"),
    ],
    ids=["dimension", "NaN", "infinity"],
)
def test_bad_vector_is_refused_in_questions_and_passages(vector: Any, complaint: str, address: str, raw: Any) -> None:
    assert complaint in search_error(address, VectorError, vector=vector)
    with open_index(address, settings=Settings()) as index, pytest.raises(VectorError, match=complaint) as raised:
        index.add([*passages(2, start=100), Passage(id="bad", text="t", vector=vector)])
    assert "passage bad" in assert_one_clear_line(raised.value)
    assert count(raw, address) == 30


def test_vector_of_another_encoder_is_refused_and_both_are_named(address: str) -> None:
    said = search_error(address, EncoderMismatchError, pair_id="other@1")
    assert "other@1" in said
    assert "made-up" in said
    with open_index(address, settings=Settings()) as index, pytest.raises(EncoderMismatchError) as raised:
        index.add(passages(1), pair_id="other@1")
    assert_one_clear_line(raised.value)


MALFORMED: dict[str, Any] = {
    "unknown clause": {"trem": {"meta.lang": "en"}},
    "clause without a body": {"term": "en"},
    "unknown option": {"term": {"meta.lang": {"valeu": "en"}}},
    "unknown part of a bool": {"bool": {"filtre": []}},
    "no list": {"terms": {"meta.lang": "en"}},
    "word for a number": {"range": {"meta.year": {"gte": "soon"}}},
    "word for a number in a term": {"term": {"meta.year": "soon"}},
    "word for a date": {"range": {"meta.published": {"gte": "the day before"}}},
    "object for a value": {"range": {"meta.year": {"gte": {}}}},
    "broken pattern": {"regexp": {"meta.lang": "["}},
    "broken query string": {"query_string": {"query": "lang:(AND"}},
    "not a nested field": {"nested": {"path": "meta", "query": {"match_all": {}}}},
    "broken script": {"script": {"script": "this is\nno script"}},
    "two clauses in one, deep": {"bool": {"filter": [{"term": {"a": 1}, "range": {}}]}},
    "not JSON": {"term": {"meta.lang": object()}},
    "half an emoji": {"term": {"meta.lang": "\ud83d"}},
}


@each_mode
@pytest.mark.parametrize("clause", MALFORMED.values(), ids=MALFORMED)
def test_malformed_filter_is_named_as_such(clause: Any, mode: str, address: str) -> None:
    assert "filter" in search_error(address, FilterError, filter=clause, mode=mode)


def test_filter_is_not_blamed_for_what_else_is_wrong(address: str) -> None:
    with index_behind(
        address,
        lambda _: always(error_reply(400, "illegal_state_exception", "out of luck")),
        matches=is_search,
    ) as (index, _):
        with pytest.raises(RefusedError, match="out of luck") as raised:
            index.search("passage", vector=VECTOR, mode="lexical", filter={"term": {"meta.lang": "en"}})
        assert_one_clear_line(raised.value)


@each_mode
def test_index_that_was_dropped_meanwhile_is_missing(mode: Any, opensearch: Service, raw: Any) -> None:
    name = f"test-{secrets.token_hex(6)}"
    create_index(f"{opensearch.url}/{name}", small_profile(), IndexSpec(replicas=0), settings=Settings())
    with open_index(f"{opensearch.url}/{name}", settings=Settings()) as index:
        raw.indices.delete(index=f"{name}--*")
        with pytest.raises(IndexMissingError, match=name) as raised:
            index.search("passage", vector=VECTOR, mode=mode, filter={"term": {"meta.lang": "en"}})
        assert_one_clear_line(raised.value)


def test_index_that_never_was_is_missing(opensearch: Service) -> None:
    with pytest.raises(IndexMissingError, match="test-never-was") as raised:
        open_index(f"{opensearch.url}/test-never-was", settings=Settings())
    assert_one_clear_line(raised.value)


def is_search(request: Request) -> bool:
    return request.path.partition("?")[0].endswith(("/_search", "/_msearch"))


def each_response(body: Any) -> Any:
    return body.get("responses", [body])


def one_shard_failed(body: Any) -> None:
    each_response(body)[-1]["_shards"] |= {"successful": 2, "failed": 1}


def out_of_time(body: Any) -> None:
    each_response(body)[-1]["timed_out"] = True


def shards_all_failed(body: Any) -> None:
    cause = {"type": "script_exception", "reason": "runtime error"}
    failed = [{"shard": 1, "index": "wiki", "node": "n", "reason": cause}]
    error = {"type": "search_phase_execution_exception", "reason": "all shards failed", "failed_shards": failed}
    if "responses" in body:
        body["responses"][-1] = {"error": error, "status": 500}
    else:
        body.clear()
        body |= {"error": error, "status": 500}


@each_mode
@pytest.mark.parametrize("change", [one_shard_failed, out_of_time, shards_all_failed])
def test_answer_that_lacks_a_shard_is_an_error_and_never_fewer_hits(change: Any, mode: Any, address: str) -> None:
    with index_behind(address, lambda honest: rewriting(honest, change), matches=is_search) as (index, _):
        with pytest.raises(PartialResultError) as raised:
            index.search("passage", vector=VECTOR, mode=mode)
        assert_one_clear_line(raised.value)


@each_mode
def test_shard_that_really_fails_is_an_error_and_never_fewer_hits(mode: Any, address: str) -> None:
    source = "if (doc['id'].value == 'p0007') { throw new IllegalStateException('not this one') } return true"
    clause = {"script": {"script": source}}
    with open_index(address, settings=Settings()) as index:
        with pytest.raises((PartialResultError, FilterError)) as raised:
            index.search("passage", vector=VECTOR, mode=mode, filter=clause, k=30, dense="exact")
        assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, b"<html>\n<body>\nInternal Server Error\n</body>\n</html>", (("Content-Type", "text/html"),)),
        Reply(500, b"", (("Content-Type", "text/plain"),)),
        Reply(404, json.dumps({"error": "no handler", "status": 404}).encode()),
        Reply(400, json.dumps({"error": {"type": "strange"}, "status": 400}).encode()),
        Reply(400, json.dumps(["a", "list"]).encode()),
        Reply(400, json.dumps({"message": "a proxy's own words"}).encode()),
        error_reply(400, "parsing_exception", "line one\nline two\r\n at [Source: x; line: 1]"),
        error_reply(400, "parsing_exception", "x" * 100_000),
        Reply(302, b"", (("Location", "/elsewhere"),)),
    ],
    ids=["html", "empty", "text", "no reason", "list", "message", "many lines", "long", "redirect"],
)
@each_mode
def test_any_refusal_is_one_clear_line(reply: Reply, mode: Any, address: str) -> None:
    with index_behind(address, lambda _: always(reply), matches=is_search) as (index, _):
        with pytest.raises(HybridError) as raised:
            index.search("passage", vector=VECTOR, mode=mode)
        assert_one_clear_line(raised.value)


@pytest.mark.parametrize("question", ["half an emoji: \ud83d", "a null: \0", "lines\nand\r\nmore"], ids=ascii)
@each_mode
def test_strange_question_is_answered_or_one_clear_error(question: str, mode: Any, address: str) -> None:
    with open_index(address, settings=Settings()) as index:
        try:
            result = index.search(f"passage {question}", vector=VECTOR, mode=mode)
        except HybridError as error:
            assert_one_clear_line(error)
        else:
            assert len(result.hits) == 10


def classes() -> dict[str, type[HybridError]]:
    return {name: one for name, one in vars(errors).items() if isinstance(one, type)}


def test_exit_codes_tell_wrong_usage_from_failure() -> None:
    usage = {"UsageError", "AddressError", "FilterError", "VectorError", "SettingsError"}
    assert {name: one.exit_code for name, one in classes().items()} == {
        name: 2 if name in usage else 1 for name in classes()
    }


def test_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    lines = (errors.__doc__ or "").splitlines()[2:]
    names = [line.lstrip("│├└─ ").split()[0] for line in lines if line.strip()]
    assert names == list(classes())
    depths = [(len(line) - len(line.lstrip("│├└─ "))) // 4 for line in lines if line.strip()]
    assert depths == [len(one.__mro__) - len(HybridError.__mro__) for one in classes().values()]
