"""Rows that could do harm, by the real command into a real index: each is there, or listed with line and reason."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Said, Say
from tests.conftest import MakeIndex
from tests.integration.faults import name_of
from tests.integration.feeding import stored
from tests.tiny_models import save_sentence_transformer

#: A line, and the id of its document, or the reason for which it is refused.
Row = tuple[bytes, str, bool]


def good(line: bytes, document_id: str) -> Row:
    return line, document_id, True


def bad(line: bytes, reason: str) -> Row:
    return line, reason, False


def row(document_id: object, text: object = "some words", **rest: Any) -> bytes:
    return json.dumps({"id": document_id, "text": text, **rest}).encode()


NEARLY_A_MEGABYTE = 999_999
JSON_ROWS = [
    good(row("first", "the first words", year=1999, day="2020-01-31"), "first"),
    bad(row("empty", ""), "the text is empty"),
    bad(row("blank", " \t\u3000"), "the text is empty"),
    bad(row("nul", "a\0b"), "NUL"),
    bad(row("a\0b"), "NUL"),
    bad(b'{"id":"raw","text":"a\0b"}', "not JSON"),
    bad(rb'{"id":"half","text":"a \ud800 b"}', "half of a surrogate pair"),
    bad(rb'{"id":"\udc00","text":"a"}', "half of a surrogate pair"),
    good(rb'{"id":"whole","text":"a \ud83c\udf0a b"}', "whole"),
    good(row("long", "x" * NEARLY_A_MEGABYTE), "long"),
    bad(row("longer", "x" * (NEARLY_A_MEGABYTE + 1)), "a word of 1,000,000 characters or more"),
    good(row("many", "wave " * 100_000), "many"),
    bad(row("i" * 40_000), "the id has 40,000 bytes"),
    good(row("ü" * 252), "ü" * 252),
    bad(row("ü" * 253), "the id has 506 bytes"),
    good(row("twice"), "twice"),
    good(row("twice"), "twice"),
    bad(row("twice", "other words"), "is taken by an earlier row"),
    bad(b'{"id":"\xff\xfe","text":"a"}', "not UTF-8"),
    bad("{'id': 'ü', 'text': 'a'}".encode("latin-1"), "not UTF-8"),
    bad(b"id,text", "not JSON"),
    bad(b"[1, 2]", "no JSON object"),
    bad(b'{"text": "a"}', "no id"),
    bad(b'{"id": "a"}', "no text"),
    bad(row(["a"]), "the id is a list"),
    good(row(17), "17"),
    bad(b"\xef\xbb\xbf" + row("bom"), "not JSON"),
    good(row("return") + b"\r", "return"),
    good(row("separators", "a\u2028b\u0085c\x1fd"), "separators"),
    good(row("same id as a passage#0"), "same id as a passage#0"),
    bad(row("year", year="no number"), "the index refuses passage year#0: failed to parse field [meta.year]"),
    bad(row("day", day="no day"), "the index refuses passage day#0: failed to parse field [meta.day]"),
    bad(row("object", year={"inner": 1}), "holds an object"),
    bad(row("huge", year=2**63), "more than 64 bits"),
    bad(row("dots", **{"a..b": 1}), "has an empty name"),
    bad(row("flood", **{f"f{number}": number for number in range(1_000)}), "Limit of total fields"),
    bad(row("mixed", list=[1, 2.5]), "the index refuses passage mixed#0"),
    good(row("a/b?c=1&d#e%20<script>", "<b>words</b>"), "a/b?c=1&d#e%20<script>"),
    good(row("last"), "last"),
]
TABLE_ROWS = [
    good(b"1\tthe first words\tT", "1"),
    bad(b"2\tno title", "the number of columns is 2 instead of 3"),
    bad(b"3\ta\tb\tc", "the number of columns is 4 instead of 3"),
    bad(b"4\t\tT", "the text is empty"),
    bad(b"\ttext\tT", "no id"),
    bad(b"5\t\xff\xfe\tT", "not UTF-8"),
    bad(b"6\ta\0b\tT", "NUL"),
    good(b'7\t"quoted ""words"" here"\tT', "7"),
    bad(b'8\t"never closed\tT', "a quotation mark opens a field and is not closed"),
    good(b"9\tafter all that\tT", "9"),
    good(b"9\tafter all that\tT", "9"),
    bad(b"9\tsomething else\tT", "is taken by an earlier row"),
    bad(b"i" * 40_000 + b"\ttext\tT", "the id has 40,000 bytes"),
]
FILES: dict[str, tuple[bytes, Sequence[Row]]] = {
    "rows.jsonl": (b"\xef\xbb\xbf", JSON_ROWS),
    "rows.tsv": (b"id\ttext\ttitle\n", TABLE_ROWS),
}


@pytest.fixture
def hybrid(hybrid: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return hybrid


@pytest.mark.parametrize("name", FILES)
def test_every_row_is_indexed_or_listed_with_line_and_reason(
    name: str, hybrid: Say, make_index: MakeIndex, tmp_path: Path, raw: Any
) -> None:
    header, rows = FILES[name]
    source, model = tmp_path / name, save_sentence_transformer(tmp_path / "model")
    source.write_bytes(header + b"".join(line + b"\n" for line, _, _ in rows))
    address = f"{make_index()}-poison"
    command = ["ingest", address, source, "--encoder", model, "--scale", "20", "--json"]
    try:
        first, second = hybrid(*command), hybrid(*command)
        assert (first.code, second.code) == (3, 3)
        accepted = [document_id for _, document_id, taken in rows if taken]
        counts = {"rows": len(rows), "accepted": len(accepted), "rejected": len(rows) - len(accepted)}
        assert pick(first, *counts, "adds_up") == {**counts, "adds_up": True}
        assert pick(second, *counts, "created", "updated", "deleted") == {
            **counts,
            "created": 0,
            "updated": 0,
            "deleted": 0,
        }
        assert_listed(hybrid("rejects", address, "--json").json, source, rows, first_line=1 + header.count(b"\n"))
        found = stored(raw, address)
        assert {hit["_source"]["document_id"] for hit in found.values()} == set(accepted)
        assert len(found) == first.json["created"] == first.json["passages"] - first.json["duplicate"]
        status = hybrid("status", address, "--json").json
        assert (status["passages"], status["encoded"]) == (len(found), len(found))
        assert len(hybrid("search", address, "the first words", "-k", 3).out.splitlines()) == 3
    finally:
        raw.indices.delete(index=f"{name_of(address)}-*", ignore_unavailable=True)


def pick(said: Said, *names: str) -> dict[str, Any]:
    return {name: said.json[name] for name in names}


def assert_listed(listed: list[dict[str, Any]], source: Path, rows: Sequence[Row], *, first_line: int) -> None:
    """Fail unless each refused row, and no other, is named with its line and why."""
    wanted = {first_line + place: reason for place, (_, reason, taken) in enumerate(rows) if not taken}
    assert sorted(one["line"] for one in listed) == sorted(wanted)
    for one in listed:
        assert one["source"] == str(source)
        assert wanted[one["line"]] in one["reason"]
        assert one["reason"].isprintable()
        assert one["excerpt"].isprintable()
