"""Bytes that come in are read the way OpenSearch reads them, or refused; a bad line spoils nothing else."""

import gzip
import json
from typing import Any

import pytest

from hybrid.errors import GatewayError
from hybrid.gateway.intake import Intake, Search, read_object, unpack
from hybrid.gateway.policy import Limits, Policy
from hybrid.gateway.served import Served
from tests.messages import assert_one_clear_line

LIMITS = Limits(body_bytes=1000, items=3)
INTAKE = Intake({"wiki": Served(shown="wiki", name="wiki-real", mode="off")}, Policy(LIMITS))
MATCH = b'{"query":{"match":{"text":"who wrote it"}}}'
JSON = {"content-type": "application/json"}


def searches(body: bytes, index: str | None = None) -> list[Any]:
    return list(INTAKE.read_searches(index, body, {}, {}).searches)


def refused(call: Any, *arguments: Any) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        call(*arguments)
    assert_one_clear_line(raised.value)
    return raised.value


def test_pairs_of_lines_are_searches() -> None:
    first, second = searches(
        b'{"index":"wiki","preference":"me"}\n' + MATCH + b'\r\n{"index":["wiki"]}\n{"size":0}\n\n'
    )
    assert isinstance(first, Search)
    assert (first.served.name, first.options, first.body) == ("wiki-real", {"preference": "me"}, json.loads(MATCH))
    assert (second.options, second.body) == ({}, {"size": 0})
    assert [one.is_transparent for one in (first, second)] == [True, True]


def test_a_line_without_an_index_takes_the_addresss() -> None:
    for line in (b"{}", b"", b' {"preference":"x"}'):
        (found,) = searches(line + b"\n" + MATCH + b"\n", "wiki")
        assert isinstance(found, Search)
    (missing,) = searches(b"{}\n" + MATCH + b"\n")
    assert "names no index" in str(missing)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b'{"index":"secret"}', 404),
        (b'{"index":["wiki","secret"]}', 400),
        (b'{"index":"wiki,secret"}', 404),
        (b'{"index":"*"}', 404),
        (b'{"index":{"a":1}}', 400),
        (b'{"index":"wiki","index":"secret"}', 400),
        (b'{"indices":["secret"]}', 400),
        (b'{"index":"wiki","search_pipeline":"x"}', 400),
        (b'["wiki"]', 400),
        (b"nonsense", 400),
    ],
)
def test_a_bad_header_is_an_error_in_its_place(line: bytes, status: int) -> None:
    before, bad, after = searches(b'{"index":"wiki"}\n{}\n' + line + b"\n{}\n" + b'{"index":"wiki"}\n{}\n')
    assert isinstance(before, Search)
    assert isinstance(after, Search)
    assert isinstance(bad, GatewayError)
    assert bad.status == status


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"{}\n", b'{"index":"wiki"}\n{}', b'\n\n', b'{"index":"wiki"}\n{}\n' * 4, b"\n" * 9],
)  # fmt: skip
def test_what_is_no_list_of_pairs_is_refused_as_a_whole(body: bytes) -> None:
    assert refused(searches, body).status == 400


def test_pages_that_are_too_large_together_are_refused() -> None:
    pair = b'{"index":"wiki"}\n{"size":5000}\n'
    assert len(searches(pair * 2)) == 2
    assert "15000 hits" in str(refused(searches, pair * 3))


@pytest.mark.parametrize(
    "text",
    [
        b"[1]", b"1", b'"a"', b"null", b'{"a":}', b"{'a':1}", b'{"a":1}{"b":2}', b"/* */{}", b'{"a":NaN}',
        b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":1,"a":2}', b'{"b":[{"a":1,"a":2}]}', b"\xef\xbb\xbf{}",
        b'{"a":' * 5000 + b"1" + b"}" * 5000, b'{"a":' * 60 + b"1" + b"}" * 60,
    ],
)  # fmt: skip
def test_what_two_readers_might_read_differently_is_refused(text: bytes) -> None:
    assert refused(read_object, text, Limits()).status == 400


def test_any_object_is_read() -> None:
    text = '{"a": [1, 1.5, true, null, "猫 \\ud83d\\ude00"], "b": {"c": 123456789012345678901234567890}}'
    assert read_object(text.encode(), Limits()) == {
        "a": [1, 1.5, True, None, "猫 😀"],
        "b": {"c": 1.2345678901234568e29},
    }


def test_compressed_bodies_are_unpacked_within_the_limit() -> None:
    packed = {**JSON, "content-encoding": "gzip"}
    assert unpack(gzip.compress(MATCH), packed, LIMITS) == MATCH
    assert refused(unpack, gzip.compress(b" " * 10_000_000), packed, LIMITS).status == 413
    assert refused(unpack, gzip.compress(MATCH)[:-9], packed, LIMITS).status == 400
    assert refused(unpack, MATCH, packed, LIMITS).status == 400
    for coding in ("br", "deflate", "gzip, gzip", "zstd"):
        assert refused(unpack, MATCH, {**JSON, "content-encoding": coding}, LIMITS).status == 415


@pytest.mark.parametrize(
    "media", ["text/plain", "", "application/x-www-form-urlencoded", "application/yaml", "application/smile"]
)
def test_only_json_is_read(media: str) -> None:
    assert refused(unpack, MATCH, {"content-type": media}, LIMITS).status == 406
    assert unpack(b"", {"content-type": media}, LIMITS) == b""


@pytest.mark.parametrize("media", ["application/json", "application/x-ndjson", "Application/JSON; charset=utf-8"])
def test_json_by_any_of_its_names(media: str) -> None:
    assert unpack(MATCH, {"content-type": media}, LIMITS) == MATCH


def test_a_search_with_wishes_does_not_go_on_as_it_came() -> None:
    found = INTAKE.read_search("wiki", b'{"ext":{"hybrid":{}},"size":1}', {}, {}).searches[0]
    assert isinstance(found, Search)
    assert (found.body, found.is_transparent) == ({"size": 1}, False)
