"""Locks where an index has several names, or a name several indexes: whoever changes an index holds its lock."""

import dataclasses
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from hybrid import IndexSpec, create_index, open_index
from hybrid.engines.opensearch import locks
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.lifecycle import build_index_body, change_profile, drop_index, open_target
from hybrid.engines.opensearch.locks import acquire_lock, release_lock
from hybrid.engines.opensearch.queries import Target
from hybrid.errors import LockHeldError
from hybrid.records import Job
from hybrid.settings import Settings
from tests.conftest import MakeIndex, small_profile
from tests.integration.faults import name_of
from tests.messages import assert_one_clear_line
from tests.services.discover import Service


@pytest.fixture
def alias(raw: Any) -> Iterator[str]:
    """Give a name for other indexes; no index of this name may come up meanwhile."""
    name = f"other-{secrets.token_hex(6)}"
    yield name
    assert list(raw.indices.get(index=f"{name}-*")) == []


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.0)


def concrete_of(raw: Any, address: str) -> str:
    (name,) = raw.indices.get(index=name_of(address))
    return str(name)


def set_lam(client: Client, name: str, lam: float) -> Target:
    target = client.run(open_target(name))
    return client.run(change_profile(target, lambda profile: dataclasses.replace(profile, lam=lam)))


def test_index_that_is_locked_is_changed_by_none_of_its_aliases(
    make_index: MakeIndex, alias: str, client: Client, raw: Any
) -> None:
    address = make_index()
    concrete = concrete_of(raw, address)
    raw.indices.put_alias(index=concrete, name=alias)
    lock = client.run(acquire_lock(concrete, "somebody", "reencode"))
    for name in (alias, name_of(address), concrete):
        with pytest.raises(LockHeldError, match=r"locked by somebody \(reencode\)") as raised:
            set_lam(client, name, 0.5)
        assert_one_clear_line(raised.value)
    client.run(release_lock(lock))
    assert set_lam(client, alias, 0.5).profile.lam == 0.5
    assert client.run(open_target(concrete)).profile.lam == 0.5


@pytest.mark.parametrize("locked", [0, 1])
def test_indexes_of_one_alias_are_changed_all_or_none(
    locked: int, make_index: MakeIndex, alias: str, client: Client, raw: Any
) -> None:
    indexes = sorted(concrete_of(raw, make_index()) for _ in range(2))
    raw.indices.put_alias(index=",".join(indexes), name=alias)
    before = client.run(open_target(alias))
    lock = client.run(acquire_lock(indexes[locked], "somebody", "a test"))
    with pytest.raises(LockHeldError, match=f"{indexes[locked]} is locked by somebody"):
        set_lam(client, alias, 0.5)
    assert client.run(open_target(alias)) == before
    client.run(release_lock(lock))
    assert set_lam(client, alias, 0.5).profile.lam == 0.5
    for index in indexes:
        client.run(release_lock(client.run(acquire_lock(index, "next", "a test"))))


def test_two_versions_of_an_index_are_changed_under_the_lock_that_they_share(
    make_index: MakeIndex, client: Client, raw: Any
) -> None:
    address = make_index()
    name, first = name_of(address), concrete_of(raw, address)
    second = first.replace("--v1--", "--v2--")
    body = build_index_body(small_profile(), IndexSpec(replicas=0)) | {"aliases": {name: {}}}
    raw.indices.create(index=second, body=body)
    changed = set_lam(client, name, 0.5)
    assert (changed.indexes, changed.profile.lam) == ((first, second), 0.5)


def test_index_that_is_dropped_by_another_alias_is_gone_with_its_locks_and_jobs(
    opensearch: Service, alias: str, client: Client, raw: Any
) -> None:
    name = f"test-{secrets.token_hex(6)}"
    create_index(f"{opensearch.url}/{name}", small_profile(), IndexSpec(replicas=0), settings=Settings())
    (concrete,) = raw.indices.get(index=name)
    raw.indices.put_alias(index=concrete, name=alias)
    client.run(acquire_lock(concrete, "me", "a test"))
    with open_index(f"{opensearch.url}/{alias}") as index:
        index.intake().save_job(Job("one", "here", "abc"))
    assert set(raw.indices.get(index=f"{name}*")) == {concrete, f"{name}-jobs"}
    client.run(drop_index(alias))
    assert list(raw.indices.get(index=f"{name}*")) == []
