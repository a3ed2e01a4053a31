"""From birth to death: what is asked for lands in the index, names are taken once, changes need the lock."""

import dataclasses
import secrets
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import numpy as np
import pytest

import mappings
from hybrid import IndexSpec, Passage, Profile, SimPrior, create_index, open_index
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.lifecycle import change_profile, drop_index, open_target
from hybrid.engines.opensearch.locks import acquire_lock, release_lock
from hybrid.errors import HybridError, IndexExistsError, IndexMissingError, LockHeldError, UsageError
from hybrid.settings import Settings
from tests.conftest import MakeIndex, small_profile
from tests.integration.faults import count, name_of
from tests.messages import assert_one_clear_line
from tests.services.discover import Service
from tests.services.http_server import Reply, Request
from tests.services.recorder import Fault, forwarding, recorder

SPEC = IndexSpec(replicas=0)


@pytest.fixture
def free_name(raw: Any) -> Iterator[str]:
    """Give a name that nothing has; whatever stands under it afterwards is removed."""
    name = f"test-{secrets.token_hex(6)}"
    yield name
    raw.indices.delete(index=f"{name}*", expand_wildcards="all")


def settings_of(raw: Any, address: str) -> dict[str, Any]:
    (found,) = raw.indices.get(index=name_of(address)).values()
    return dict(found["settings"]["index"])


def properties_of(raw: Any, address: str) -> dict[str, Any]:
    (found,) = raw.indices.get(index=name_of(address)).values()
    return dict(found["mappings"]["properties"])


def test_new_index_stands_behind_its_alias_with_version_and_checksum(
    opensearch: Service, free_name: str, raw: Any
) -> None:
    made = create_index(f"{opensearch.url}/{free_name}", small_profile(), SPEC, settings=Settings())
    assert made == f"{free_name}--v1--{mappings.checksum('passages')}"
    assert raw.indices.get_alias(name=free_name) == {made: {"aliases": {free_name: {}}}}


@pytest.mark.parametrize("name", ["wiki-ö-日本", "wiki.en_+1"])
def test_name_of_any_letters_can_be_made_opened_and_searched(name: str, opensearch: Service, free_name: str) -> None:
    address = f"{opensearch.url}/{free_name}{name}"
    create_index(address, small_profile(), SPEC, settings=Settings())
    with open_index(address, settings=Settings()) as index:
        index.add([Passage(id="ö", text="t", vector=np.ones(8))], refresh=True)
        assert [hit.id for hit in index.search("t", vector=np.ones(8)).hits] == ["ö"]


def test_name_that_is_taken_is_refused_and_what_stands_there_is_left_alone(make_index: MakeIndex, raw: Any) -> None:
    address = make_index()
    with open_index(address, settings=Settings()) as index:
        index.add([Passage(id="1", text="t")])
    with pytest.raises(IndexExistsError, match=f"Cannot create {name_of(address)}: ") as raised:
        create_index(address, small_profile(), SPEC, settings=Settings())
    assert_one_clear_line(raised.value)
    assert count(raw, address) == 1


def test_of_creators_at_once_exactly_one_wins(opensearch: Service, free_name: str, raw: Any) -> None:
    start = threading.Barrier(4)

    def create(_: int) -> str | IndexExistsError:
        start.wait(30)
        try:
            return create_index(f"{opensearch.url}/{free_name}", small_profile(), SPEC, settings=Settings())
        except IndexExistsError as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(create, range(4)))
    won = [one for one in outcomes if isinstance(one, str)]
    assert len(won) == 1
    assert list(raw.indices.get(index=f"{free_name}*")) == won


def test_profile_comes_back_from_the_cluster_as_it_went(make_index: MakeIndex) -> None:
    profile = Profile(
        pair_id="a/b@ü",
        fingerprint="ABCDEF0123456789",
        dimension=3,
        similarity="cosine",
        scale=20.0,
        scale_source="fitted",
        max_norm=1.0001,
        sim_prior=SimPrior(-1.25, 0.5),
        lam=0.75,
        lam_source="tuned on 500 questions",
        depth=100,
        analyzer="standard",
        k1=1.5,
        b=0.25,
    )
    with open_index(make_index(profile), settings=Settings()) as index:
        assert index.profile == profile


def test_settings_land_in_the_index(make_index: MakeIndex, raw: Any) -> None:
    found = settings_of(raw, make_index(small_profile(k1=1.5, b=0.25), IndexSpec(shards=3, replicas=2)))
    assert (found["number_of_shards"], found["number_of_replicas"]) == ("3", "2")
    assert found["similarity"]["default"] == {"type": "BM25", "k1": "1.5", "b": "0.25"}
    assert "auto_expand_replicas" not in found


def test_replicas_follow_the_cluster_where_nothing_is_said(make_index: MakeIndex, raw: Any) -> None:
    found = settings_of(raw, make_index(spec=IndexSpec()))
    assert found["auto_expand_replicas"] == "0-1"


@pytest.mark.parametrize("derived", [True, False])
def test_derived_source_is_off_unless_asked_for(derived: bool, make_index: MakeIndex, raw: Any) -> None:
    address = make_index(spec=IndexSpec(replicas=0, derived_source=derived))
    flat = raw.indices.get_settings(index=name_of(address), flat_settings=True)
    (found,) = flat.values()
    assert found["settings"]["index.knn.derived_source.enabled"] == str(derived).lower()


@pytest.mark.parametrize("engine", ["lucene", "faiss"])
def test_engine_and_graph_land_in_the_vector_field(engine: Any, make_index: MakeIndex, raw: Any) -> None:
    address = make_index(spec=IndexSpec(replicas=0, engine=engine, m=24, ef_construction=96))
    method = properties_of(raw, address)[small_profile().vector_field]["method"]
    assert (method["engine"], method["space_type"]) == (engine, "innerproduct")
    assert (method["parameters"]["m"], method["parameters"]["ef_construction"]) == (24, 96)


@pytest.mark.parametrize("analyzer", ["english", "standard", "cjk"])
def test_analyzer_lands_in_every_field_that_is_searched(analyzer: str, make_index: MakeIndex, raw: Any) -> None:
    found = properties_of(raw, make_index(small_profile(analyzer=analyzer)))
    assert {found[name]["analyzer"] for name in ("contents", "title", "text")} == {analyzer}


@pytest.mark.parametrize(
    ("profile", "spec"),
    [
        (small_profile(analyzer="klingon"), SPEC),
        (small_profile(), IndexSpec(replicas=0, meta_types={"lang": "klingon"})),
    ],
    ids=["analyzer", "type of metadata"],
)
def test_word_that_the_cluster_does_not_know_is_one_clear_error_and_nothing_is_made(
    profile: Profile, spec: IndexSpec, opensearch: Service, free_name: str, raw: Any
) -> None:
    with pytest.raises(HybridError, match=f"Cannot create {free_name}: .*klingon") as raised:
        create_index(f"{opensearch.url}/{free_name}", profile, spec, settings=Settings())
    assert_one_clear_line(raised.value)
    assert list(raw.indices.get(index=f"{free_name}*", expand_wildcards="all")) == []


def test_dropped_index_is_gone_with_its_locks(opensearch: Service, free_name: str, client: Client, raw: Any) -> None:
    create_index(f"{opensearch.url}/{free_name}", small_profile(), SPEC, settings=Settings())
    client.run(acquire_lock(free_name, "me", "a test"))
    client.run(drop_index(free_name))
    assert list(raw.indices.get(index=f"{free_name}*", expand_wildcards="all")) == []


def test_drop_that_was_interrupted_is_finished_by_the_same_command(
    opensearch: Service, free_name: str, client: Client, raw: Any
) -> None:
    create_index(f"{opensearch.url}/{free_name}", small_profile(), SPEC, settings=Settings())
    client.run(acquire_lock(free_name, "me", "a test"))
    honest, deleted = forwarding(opensearch.url), list[str]()

    def answer(request: Request) -> Reply | Fault:
        """Press Ctrl-C when the first thing is deleted."""
        reply = honest(request)
        if request.method != "DELETE":
            return reply
        deleted.append(request.path)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return Fault.HANG

    with (
        recorder(answer) as server,
        closing(Client(server.url, Settings())) as interrupted,
        pytest.raises(KeyboardInterrupt),
    ):
        interrupted.run(drop_index(free_name))
    assert len(deleted) == 1
    client.run(drop_index(free_name))
    assert list(raw.indices.get(index=f"{free_name}*", expand_wildcards="all")) == []


@pytest.mark.parametrize("act", [open_target, drop_index], ids=["open", "drop"])
def test_index_that_is_not_there_is_one_clear_error(act: Any, client: Client) -> None:
    with pytest.raises(IndexMissingError, match="test-nobody-made-it") as raised:
        client.run(act("test-nobody-made-it"))
    assert_one_clear_line(raised.value)


def test_profile_is_changed_whole_and_other_notes_are_kept(make_index: MakeIndex, client: Client, raw: Any) -> None:
    address = make_index()
    target = client.run(open_target(name_of(address)))
    changed = client.run(change_profile(target, lambda profile: dataclasses.replace(profile, lam=0.5)))
    assert changed.profile == dataclasses.replace(target.profile, lam=0.5)
    assert client.run(open_target(name_of(address))) == changed
    (found,) = raw.indices.get_mapping(index=name_of(address)).values()
    assert found["mappings"]["_meta"]["why"] == mappings.load("passages")["mappings"]["_meta"]["why"]


def test_profile_is_not_changed_while_somebody_else_holds_the_lock(make_index: MakeIndex, client: Client) -> None:
    name = name_of(make_index())
    target = client.run(open_target(name))
    lock = client.run(acquire_lock(name, "somebody", "reencode"))
    with pytest.raises(LockHeldError, match=r"locked by somebody \(reencode\)") as raised:
        client.run(change_profile(target, lambda profile: dataclasses.replace(profile, lam=0.5)))
    assert_one_clear_line(raised.value)
    assert client.run(open_target(name)) == target
    client.run(release_lock(lock))
    assert client.run(change_profile(target, lambda p: dataclasses.replace(p, lam=0.5))).profile.lam == 0.5


def test_change_that_fails_leaves_profile_and_lock_as_they_were(make_index: MakeIndex, client: Client) -> None:
    name = name_of(make_index())
    target = client.run(open_target(name))
    with pytest.raises(UsageError, match="lambda"):
        client.run(change_profile(target, lambda profile: dataclasses.replace(profile, lam=-1.0)))
    assert client.run(open_target(name)) == target
    client.run(release_lock(client.run(acquire_lock(name, "next", "a test"))))


def test_longer_vector_than_any_before_raises_the_profiles_longest(make_index: MakeIndex) -> None:
    address = make_index()
    with open_index(address, settings=Settings()) as index:
        assert index.profile.max_norm == 1.0
        index.add([Passage(id="1", text="t", vector=np.full(8, 10.0))])
    with open_index(address, settings=Settings()) as index:
        assert np.sqrt(800) <= index.profile.max_norm <= 2 * np.sqrt(800)
