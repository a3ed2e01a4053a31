"""The roles in SECURITY.md: each allows all that its part of hybrid asks of a cluster, and nothing besides.

A node of the test's own tells which actions each call amounts to. It has no security plugin, so who would be refused
is worked out from the plugin's rules: which actions are asked for cluster-wide, and which of an index.
"""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, get_args

import opensearchpy
import pytest

from hybrid import IndexSpec, Passage, create_index, open_index
from hybrid.cli.main import run
from hybrid.encoders import Encoder, backends, load_encoder
from hybrid.engines.opensearch import lifecycle, reencode, writes
from hybrid.engines.opensearch.client import Client
from hybrid.engines.opensearch.locks import acquire_lock, release_lock
from hybrid.engines.opensearch.queries import Target
from hybrid.engines.opensearch.status import read_status
from hybrid.errors import FilterError
from hybrid.passages import Mode
from hybrid.queue import signs
from hybrid.queue.broker import Broker
from hybrid.settings import Settings
from ingest.documents import Document
from tests.conftest import small_profile
from tests.faults.processes import wait_for
from tests.faults.stage import passages
from tests.faults.tiny import POISON, save_tiny_bert
from tests.faults.troupe import Troupe, troupe_of
from tests.gateway_server import gateway
from tests.integration.feeding import write_jsonl
from tests.integration.overhearing import Ear, Overheard, overhearing

SECURITY = Path(__file__).resolve().parents[2] / "SECURITY.md"
_ROLE = re.compile(r"\*\*`(hybrid_\w+)`\*\*.*?```json\n(.*?)```", re.DOTALL)
#: Actions that the plugin looks for among a role's permissions for the cluster, although they begin with ``indices``.
_CLUSTER_WIDE = frozenset({"indices:data/write/bulk", "indices:data/read/mget", "indices:data/read/msearch"})
#: Which roles somebody has who does what was overheard; whoever keeps an index up also asks and fills it.
ROLES = {
    "asking": ["hybrid_search"],
    "callers": ["hybrid_search"],
    "gateway": ["hybrid_gateway"],
    "ingesting": ["hybrid_ingest"],
    "worker": ["hybrid_worker"],
    "keeping": ["hybrid_keep"],
}
COUNT = 300
#: Documents with routings: some of them lie where their ids alone would not put them.
ROUTED = 6
CALLER = "Basic ZXZlOnNlY3JldA=="


@cache
def read_roles() -> dict[str, Any]:
    return {name: json.loads(body) for name, body in _ROLE.findall(SECURITY.read_text("utf-8"))}


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Overheard]]:
    """Let every part of hybrid do its work, and give all that was asked of the cluster for it."""
    folder = tmp_path_factory.mktemp("roles")
    models = [save_tiny_bert(folder / name, seed) for seed, name in enumerate(("tiny", "newer"))]
    encoder, newer = (load_encoder(str(one), scale=20.0, backend="numpy") for one in models)
    with (
        pytest.MonkeyPatch.context() as patch,
        overhearing() as ear,
        troupe_of(ear.url, folder) as troupe,
    ):
        patch.setattr(backends, "has_torch", lambda: False)
        for name, value in {"OPENSEARCH_URL": ear.url, "REDIS_URL": troupe.redis.url}.items():
            patch.setenv(f"HYBRID_{name}", value)
        patch.setenv("XDG_STATE_HOME", str(folder))
        ingest(ear, folder, models[0])
        route(ear, models[0])
        ask(ear, encoder, folder)
        serve(ear, folder)
        work(ear, troupe, encoder, newer)
        keep(ear, folder, models)
        yield ear.heard


def hybrid(*arguments: object, code: int = 0) -> None:
    assert run([str(one) for one in arguments]) == code


def ingest(ear: Ear, folder: Path, model: Path) -> None:
    """Fill an index, and again when its documents have changed."""
    ear.who = "ingesting"
    documents = [Document(f"d{number}", "ocean", f"the tide {number} " * 150) for number in range(5)]
    source = write_jsonl(folder / "source.jsonl", documents)
    options = ["--encoder", model, "--scale", "20", "--replicas", "0"]
    hybrid("ingest", "os:wiki", source, *options, "--load", "--no-vectors")
    hybrid("ingest", "os:wiki", source)
    documents[0] = Document("d0", "ocean", "the tide")
    hybrid("ingest", "os:wiki", write_jsonl(source, documents), "--queue")
    hybrid("status", "os:wiki")
    with open_index("os:wiki") as index:
        vector = [2.0] * index.profile.dimension
        index.add([Passage("a", "the tide", vector=vector, meta={"year": 2020}), Passage("b", "tide")], refresh=True)
        index.delete(["a"])
        index.delete_documents(["b"], refresh=True)
    # Vectors that are longer than was thought change the profile.
    create_index("os:wiki-dot", small_profile(), IndexSpec(replicas=0))
    with open_index("os:wiki-dot") as index:
        index.add([Passage("a", "the tide", vector=[2.0] * index.profile.dimension)])


def route(ear: Ear, model: Path) -> None:
    """Adopt documents that have routings; workers are left to add the vectors."""
    ear.who = ""
    with closing(opensearchpy.OpenSearch([ear.node])) as library:
        library.indices.create(index="routed", body={"settings": {"number_of_shards": 3, "number_of_replicas": 0}})
        for number in range(ROUTED):
            library.index(
                index="routed", id=f"d{number}", routing=f"r{number}", body={"body": "the tide"}, refresh=True
            )
    options = ["--text", "body", "--encoder", model, "--scale", "20", "--replicas", "0", "--queue"]
    hybrid("adopt", "os:routed", "os:wiki-routed", *options)


def ask(ear: Ear, encoder: Encoder, folder: Path) -> None:
    """Ask one question and many, in every mode, with mistakes."""
    ear.who = "asking"
    (vector,) = encoder.encode_questions(["tide"])
    with open_index("os:wiki") as index:
        for mode in get_args(Mode):
            assert index.search("tide", vector=vector, mode=mode, k=3).hits
        assert index.search("tide " * 500, vector=vector).question_cut
        mistakes: list[dict[str, Any]] = [{"no_such": {}}, {"range": {"meta.year": {"gte": "x"}}}]
        for wrong in mistakes:
            with pytest.raises(FilterError):
                index.search("tide", vector=vector, filter=wrong)
        (first, *_), *_ = index.ids()
        assert index.fetch([first])
        with index.hold() as held:
            assert held.search("tide", vector=vector).hits
    with open_index("os:wiki-routed") as index:
        assert index.fetch([f"d{number}" for number in range(ROUTED)]).keys() == {f"d{n}" for n in range(ROUTED)}
    questions = folder / "questions.tsv"
    questions.write_text("".join(f"the tide {number}\t['tide {number}']\n" for number in range(6)), "utf-8")
    hybrid("batch", "os:wiki", questions, "--out", folder / "run.json")
    hybrid("eval", "os:wiki", "--questions", questions)
    ways = ["--positives", "distant", "--negatives", "bm25=1,random=1"]
    hybrid("mine", "os:wiki", "--questions", questions, *ways, "--out", folder / "train.json")


def serve(ear: Ear, folder: Path) -> None:
    """Read what the gateway wants to know, and let a page ask."""
    ear.who = "gateway"
    body = {"query": {"match": {"text": "tide"}}, "size": 3}
    with gateway(folder, ear.url, "--index", "wiki", "--patience", "60") as server:
        for mode in ("off", "shadow", "on"):
            assert server.search("wiki", body, Authorization=CALLER, X_Search_Mode=mode).status == 200
            lines = [({"index": "wiki"}, body)]
            assert server.searches(lines, Authorization=CALLER, X_Search_Mode=mode).status == 200
        asked = json.dumps({"index": "wiki", "question": "tide"}).encode()
        assert server.ask("POST", "/v1/search", asked, Authorization=CALLER).status == 200


def work(ear: Ear, troupe: Troupe, encoder: Encoder, newer: Encoder) -> None:
    """Let a worker add two encoders' vectors, some of them longer than was thought, and change over under a lock."""
    ear.who, troupe.prefix = "", "wiki"
    wanted = [*passages(COUNT).values(), Passage("bad", POISON)]
    for profile, name in ((encoder.make_profile(), "queued"), (encoder.make_profile(max_norm=0.5), "longer")):
        address = f"{ear.node}/wiki-{name}"
        create_index(address, profile, IndexSpec(replicas=0), settings=Settings())
        with open_index(address, settings=Settings()) as index:
            index.add(wanted, refresh=True)
    client = Client(ear.node, Settings())
    target = client.run(lifecycle.open_target("wiki-queued"))
    client.run(reencode.add_encoder(target, newer.make_profile()))
    lock = client.run(acquire_lock(target.indexes[0], "somebody", "test"))

    def wait_until_it_did(method: str, path: str) -> None:
        pattern = re.compile(path)
        wait_for(
            lambda: any(one.method == method and pattern.fullmatch(one.path) for one in list(ear.heard)),
            f"{method} {path}",
            troupe.evidence,
        )

    ear.who = "worker"
    worker = troupe.add("one")
    wait_until_it_did("GET", "/wiki-queued.*/_doc/lock")
    client.run(release_lock(lock))
    for name in ("wiki-queued", "wiki-longer"):
        wait_until_it_did("PUT", f"/{name}--.*/_mapping")
    with Broker(Settings(redis_url=troupe.redis.url)) as broker:
        assert signs.read_done(broker, "one@here")["encoded"] >= 3 * COUNT
    routed = client.run(lifecycle.open_target("wiki-routed"))
    wait_for(lambda: has_all_vectors(client, routed), "vectors of routed documents", troupe.evidence)
    worker.stop()
    client.close()


def has_all_vectors(client: Client, target: Target) -> bool:
    """Tell whether the routed documents have theirs; asked of the node itself, in nobody's name."""
    client.run(writes.refresh(target))
    return client.run(read_status(target)).encoded == ROUTED


def keep(ear: Ear, folder: Path, models: list[Path]) -> None:
    """Do all that is done to an index in the course of its life."""
    ear.who, newer = "keeping", ["--encoder", models[1], "--scale", "20"]
    hybrid("doctor", "os:wiki")
    hybrid("tune", "os:wiki", "--questions", folder / "questions.tsv", "--write")
    hybrid("repair", "os:wiki-queued", "--verify")
    hybrid("repair", "os:wiki-queued", "--failed")
    hybrid("reencode", "os:wiki", *newer)
    hybrid("reencode", "os:wiki", "--back")
    profile = load_encoder(str(models[0]), scale=20.0, backend="numpy").make_profile()
    create_index("os:wiki-derived", profile, IndexSpec(replicas=0, derived_source=True))
    hybrid("reencode", "os:wiki-derived", *newer)
    hybrid("copy", "os:wiki", "os:wiki-copy", "--replicas", "0")
    for more in ({}, {"colour": "blue"}):
        ear.who = ""
        with closing(opensearchpy.OpenSearch([ear.node])) as library:
            library.index(index="wiki-plain", body={"title": "ocean", "body": "the tide", **more}, refresh=True)
        ear.who = "keeping"
        hybrid("adopt", "os:wiki-plain", "os:wiki-adopted", "--text", "title,body", "--replicas", "0", *newer)
    hybrid("install-template", "os:wiki")
    hybrid("settle", "os:wiki")
    for name in ("wiki-adopted", "wiki-copy", "wiki"):
        hybrid("delete", f"os:{name}", "--everything", "--yes")


@pytest.mark.slow
@pytest.mark.parametrize("who", ROLES)
def test_a_role_allows_what_is_asked_of_the_cluster(who: str, heard: list[Overheard]) -> None:
    calls = [one for one in heard if one.who == who]
    assert calls
    refused = {
        (one.method, one.path, action)
        for one in calls
        for action in one.actions
        if not any(allows(read_roles()[role], action, one.indexes) for role in ROLES[who])
    }
    assert refused == set()


@pytest.mark.slow
@pytest.mark.parametrize("role", sorted({role for roles in ROLES.values() for role in roles}))
def test_a_role_allows_nothing_besides(role: str, heard: list[Overheard]) -> None:
    taken = {action for one in heard if role in ROLES.get(one.who, ()) for action in one.actions}
    cluster, of_index = list_allowed(read_roles()[role])
    idle = [one for one in cluster if not any(fnmatchcase(a, one) for a in taken if is_cluster_wide(a))]
    idle += [one for one in of_index if not any(fnmatchcase(a, one) for a in taken if not is_cluster_wide(a))]
    assert idle == []


def test_every_role_that_is_told_of_is_somebodys() -> None:
    assert set(read_roles()) == {role for roles in ROLES.values() for role in roles}


def allows(role: Any, action: str, indexes: tuple[str, ...]) -> bool:
    if is_cluster_wide(action):
        return any(fnmatchcase(action, one) for one in role["cluster_permissions"])
    return any(
        all(any(fnmatchcase(name, one) for one in part["index_patterns"]) for name in indexes)
        and any(fnmatchcase(action, one) for one in part["allowed_actions"])
        for part in role["index_permissions"]
    )


def list_allowed(role: Any) -> tuple[list[str], list[str]]:
    return role["cluster_permissions"], [one for part in role["index_permissions"] for one in part["allowed_actions"]]


def is_cluster_wide(action: str) -> bool:
    return action.startswith("cluster:") or action in _CLUSTER_WIDE
