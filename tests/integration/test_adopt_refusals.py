"""``hybrid adopt``: what is refused or left alone, and the way back."""

import secrets
from pathlib import Path
from typing import Any

import pytest

from hybrid import open_index
from tests.commands import Say, one_line
from tests.integration.adopting import make_document, read_all, write
from tests.services.discover import Service


def test_the_way_back(adopt: Any, raw: Any, name: str, hybrid: Say, opensearch: Service) -> None:
    before = read_all(raw, name)
    adopt()
    back = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new", "--back")
    assert back.code == 0
    assert list(raw.indices.get(index=f"{name}*")) == [name]
    assert read_all(raw, name) == before
    again = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new", "--back")
    assert "no" in one_line(again)


@pytest.mark.parametrize(
    ("field", "mapping"),
    [
        ("contents", {"type": "text"}),
        ("pending", {"type": "boolean"}),
        ("text_hash", {"type": "keyword"}),
        ("vec_mine", {"type": "keyword"}),
        ("id", {"type": "long"}),
        ("id", {"type": "keyword", "normalizer": "lowercase"}),
        ("id", {"type": "keyword", "ignore_above": 4}),
        ("id", {"type": "keyword", "doc_values": False}),
        ("id", {"type": "keyword", "index": False}),
        ("id", {"type": "keyword", "null_value": "none"}),
        ("id", {"type": "keyword", "copy_to": "title"}),
    ],
)
def test_a_field_of_our_name_is_refused_by_name(
    raw: Any, hybrid: Say, opensearch: Service, field: str, mapping: Any
) -> None:
    name = f"odd-{secrets.token_hex(6)}"
    raw.indices.create(index=name, body={"mappings": {"properties": {"title": {"type": "text"}, field: mapping}}})
    said = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new", "--text", "title")
    assert f"has a field {field}," in one_line(said)
    assert not raw.indices.exists(index=f"{name}-new")
    raw.indices.delete(index=name)


def test_an_id_field_of_another_meaning_is_refused(
    raw: Any, name: str, hybrid: Say, opensearch: Service, model: Path
) -> None:
    write(raw, name, {"d5": {**make_document(5), "id": "another"}})
    said = hybrid(
        "adopt",
        f"{opensearch.url}/{name}",
        f"{opensearch.url}/{name}-new",
        "--text",
        "title",
        "--encoder",
        model,
        "--scale",
        "20",
    )
    assert said.code == 1
    assert "The field id of document d5 says 'another'" in one_line(said)


def test_an_id_field_whose_options_change_no_id_is_kept(
    raw: Any, hybrid: Say, opensearch: Service, model: Path
) -> None:
    name, long_id = f"odd-{secrets.token_hex(6)}", "x" * 512
    field = {"type": "keyword", "ignore_above": 512, "store": True, "fields": {"text": {"type": "text"}}}
    raw.indices.create(index=name, body={"mappings": {"properties": {"title": {"type": "text"}, "id": field}}})
    write(raw, name, {long_id: {"title": "the moon", "id": long_id}, "Abc": {"title": "the moon"}})
    new = f"{opensearch.url}/{name}-new"
    options = ("--text", "title", "--encoder", model, "--scale", "20", "--replicas", "0")
    assert hybrid("adopt", f"{opensearch.url}/{name}", new, *options).code == 0
    with open_index(new) as index:
        assert {hit.id for hit in index.search("moon").hits} == {long_id, "Abc"}
    raw.indices.delete(index=f"{name}*")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("{a}", "{a}-new"), "--text title,body"),
        (("{a}", "{a}-new", "--text", "headline"), "has no field headline; it has body,"),
        (("{a}", "{a}-new", "--text", "price"), "price of"),
        (("{a}", "{a}-new", "--text", "reviews.by"), "nested"),
        (("{a}", "{a}", "--text", "title"), "a name of its own"),
        (("{a}", "./folder", "--text", "title"), "folder"),
        (("{a}-nowhere", "{a}-new", "--text", "title"), "no such index"),
        (("{a}", "http://127.0.0.1:1/other", "--text", "title"), "another cluster"),
    ],
)
def test_mistakes_are_told_in_one_line(
    hybrid: Say, opensearch: Service, name: str, arguments: tuple[str, ...], told: str
) -> None:
    said = hybrid("adopt", *(one.format(a=f"{opensearch.url}/{name}") for one in arguments))
    assert said.code in (1, 2)
    assert told in one_line(said)


def test_what_others_made_is_left_alone(
    adopt: Any, raw: Any, name: str, hybrid: Say, opensearch: Service, model: Path
) -> None:
    raw.indices.create(index=f"{name}-taken")
    options = ("--text", "title", "--encoder", model, "--scale", "20")
    said = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-taken", *options)
    assert "was not made by hybrid adopt" in one_line(said)
    back = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-taken", "--back")
    assert "was not made by hybrid adopt" in one_line(back)
    adopt()
    other = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new", "--text", "title")
    assert "--text title,body" in one_line(other)
    twice = hybrid("adopt", f"{opensearch.url}/{name}-new", f"{opensearch.url}/{name}-third", "--text", "title")
    assert "is hybrid already" in one_line(twice)
    with open_index(f"{opensearch.url}/{name}-new") as index, pytest.raises(Exception, match="adopted from another"):
        index.add([])
