"""What hybrid creates gives as many hits as its queries ask for, whatever a source or a template says."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import IndexSpec, Passage, create_index, open_index
from hybrid.settings import Settings
from tests.commands import Say, one_line
from tests.conftest import small_profile
from tests.integration.adopting import write
from tests.services.discover import Service

SMALL = {"max_result_window": 500, "max_rescore_window": 500}
OPTIONS = ("--text", "body", "--scale", "20", "--replicas", "0")


@pytest.fixture
def name(raw: Any) -> Iterator[str]:
    """Give a name, all indexes of which are dropped again."""
    name = f"window-{secrets.token_hex(6)}"
    yield name
    raw.indices.delete(index=f"{name}*")


@pytest.fixture
def template(raw: Any, name: str) -> Iterator[None]:
    """Let a template say what indexes of the name give at the most."""
    body = {"index_patterns": [f"{name}*"], "priority": 500, "template": {"settings": SMALL}}
    raw.indices.put_index_template(name=name, body=body)
    yield
    raw.indices.delete_index_template(name=name)


def create_source(raw: Any, name: str, window: int, documents: int) -> None:
    settings = {"number_of_replicas": 0, "max_result_window": window}
    raw.indices.create(
        index=name, body={"settings": settings, "mappings": {"properties": {"body": {"type": "text"}}}}
    )
    write(raw, name, {f"d{number:04}": {"body": f"the moon {number}"} for number in range(documents)})


def read_windows(raw: Any, name: str) -> list[tuple[str, str]]:
    found = raw.indices.get_settings(index=name).values()
    settings = [one["settings"]["index"] for one in found]
    return [(one["max_result_window"], one["max_rescore_window"]) for one in settings]


@pytest.mark.usefixtures("template")
def test_a_template_does_not_keep_a_new_index_from_being_searched(
    opensearch: Service, raw: Any, name: str, hybrid: Say
) -> None:
    address = f"{opensearch.url}/{name}"
    create_index(address, small_profile(depth=2000), IndexSpec(replicas=0), settings=Settings())
    assert read_windows(raw, name) == [("10000", "10000")]
    with open_index(address, settings=Settings()) as index:
        index.add([Passage(id="1", text="t", vector=np.ones(8))], refresh=True)
        assert [hit.id for hit in index.search("t", vector=np.ones(8), k=1000).hits] == ["1"]
    assert "a hybrid query answers" in hybrid("doctor", address).out


@pytest.mark.usefixtures("template")
def test_a_template_does_not_keep_jobs_from_being_listed(
    opensearch: Service, name: str, hybrid: Say, model: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source.jsonl"
    source.write_text('{"id": "1", "text": "the moon"}\n', encoding="utf-8")
    address = f"{opensearch.url}/{name}"
    assert hybrid("ingest", address, source, "--encoder", model, "--scale", "20", "--replicas", "0").code == 0
    said = hybrid("status", address)
    assert (said.code, str(source) in said.out) == (0, True)


def test_a_small_window_of_a_source_is_no_limit_of_the_new_index(
    opensearch: Service, raw: Any, name: str, hybrid: Say, model: Path
) -> None:
    create_source(raw, name, 500, 1100)
    places = f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new"
    told = hybrid("adopt", *places, *OPTIONS, "--encoder", model, "--json")
    assert (told.code, told.json["encoded"]) == (0, 1100)
    write(raw, name, {"d0001": None, "d1000": None})
    told = hybrid("adopt", *places, *OPTIONS, "--encoder", model, "--json")
    assert (told.code, told.json["removed"]) == (0, 2)
    assert read_windows(raw, f"{name}-new") == [("10000", "10000")]
    with open_index(places[1]) as index:
        assert len(index.search("moon", k=1098).hits) == 1098


def test_a_source_that_gives_less_than_a_page_is_refused_before_anything_is_made(
    opensearch: Service, raw: Any, name: str, hybrid: Say, model: Path
) -> None:
    create_source(raw, name, 256, 1)
    said = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new", *OPTIONS, "--encoder", model)
    assert "gives 256 hits at the most" in one_line(said)
    assert not raw.indices.exists(index=f"{name}-new")


def test_a_larger_window_is_kept(opensearch: Service, raw: Any, name: str, hybrid: Say, model: Path) -> None:
    create_source(raw, name, 20_000, 1)
    said = hybrid("adopt", f"{opensearch.url}/{name}", f"{opensearch.url}/{name}-new", *OPTIONS, "--encoder", model)
    assert said.code == 0
    assert read_windows(raw, f"{name}-new") == [("20000", "20000")]
