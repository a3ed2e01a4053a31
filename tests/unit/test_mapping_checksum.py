"""A change of what the cluster is told shows in the checksum, and so in the names of new indexes."""

import json
from pathlib import Path
from typing import Any

import pytest

import mappings

FILES = sorted(path.stem for path in Path(mappings.__file__).parent.glob("*.json"))
PINNED = {
    "jobs": "487166ce",
    "passages": "4452db40",
}


@pytest.mark.parametrize("name", FILES)
def test_mapping_is_the_one_that_was_agreed_on(name: str) -> None:
    line = f'    "{name}": "{mappings.checksum(name)}",'
    assert PINNED.get(name) == mappings.checksum(name), f"{name}.json changed; if that is meant, paste\n{line}"


def test_every_pinned_file_is_there() -> None:
    assert sorted(PINNED) == FILES


def test_white_space_and_order_of_keys_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    before = mappings.checksum("jobs")
    turned = json.dumps(dict(reversed(mappings.load("jobs").items())), indent=7)
    monkeypatch.setattr(mappings, "_read", lambda _: turned)
    assert mappings.checksum("jobs") == before


def test_any_value_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before, changed = mappings.checksum("jobs"), mappings.load("jobs")
    changed["mappings"]["dynamic"] = False
    monkeypatch.setattr(mappings, "_read", lambda _: json.dumps(changed))
    assert mappings.checksum("jobs") != before


def test_each_load_is_a_fresh_copy() -> None:
    first: dict[str, Any] = mappings.load("passages")
    first["mappings"].clear()
    assert mappings.load("passages")["mappings"]["properties"]
