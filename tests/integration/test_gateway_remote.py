"""``open_index("gateway+http://…")``: the ranking of the cluster itself, for clients without a model."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hybrid import Hit, Passage, SearchResult, create_index, open_async_index, open_index
from hybrid.encoders import load_encoder
from hybrid.errors import (
    AccessError,
    BusyError,
    ClusterError,
    FilterError,
    IndexMissingError,
    UnreachableError,
    UsageError,
)
from hybrid.reader.answers import AskResult
from hybrid.requests import SearchOptions
from hybrid.settings import Settings
from tests.conftest import MakeIndex
from tests.gateway_corpus import Corpus, fill
from tests.gateway_dsl import ASKED
from tests.gateway_server import HYBRID, Server, gateway
from tests.integration.reading import redis_of_its_own
from tests.page.story import serving
from tests.services.discover import Service
from tests.services.http_server import Reply
from tests.services.processes import free_ports
from tests.services.recorder import Recorder, always, forwarding, recorder
from tests.tiny_models import save_sentence_transformer

BLUE = {"term": {"meta.colour": "blue"}}
OPTIONS: list[SearchOptions] = [
    {},
    {"k": 30, "mode": "lexical"},
    {"k": 5, "mode": "dense", "dense": "exact"},
    {"k": 7, "lam": 0.5, "depth": 50, "filter": BLUE},
    {"filter": [BLUE, {"range": {"meta.year": {"gte": 2000}}}], "idf": "shard"},
    {"k": 3, "text": False},
    {"filter": None, "lam": None, "depth": None, "vector": None, "pair_id": None},
]


@pytest.fixture(scope="module")
def corpus(make_index: MakeIndex, raw: Any) -> Corpus:
    return fill(make_index, raw, missing=5)


@pytest.fixture(scope="module")
def server(corpus: Corpus, opensearch: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ("--index", corpus.name, "--name", f"weighed={corpus.name}", "--patience", "60")
    with gateway(tmp_path_factory.mktemp("gateway"), opensearch.url, *options) as server:
        yield server


def address(server: Server, name: str) -> str:
    return f"gateway+{server.url}/{name}"


def assert_same(found: SearchResult, true: SearchResult) -> None:
    assert (found.question, found.mode, found.lam, found.question_cut) == (
        true.question,
        true.mode,
        true.lam,
        true.question_cut,
    )
    assert [unscored(hit) for hit in found.hits] == [unscored(hit) for hit in true.hits]
    for hit, other in zip(found.hits, true.hits, strict=True):
        assert hit.score == pytest.approx(other.score, abs=1e-4)
        assert hit.bm25 == pytest.approx(other.bm25, abs=1e-4)
        assert hit.sim == pytest.approx(other.sim, abs=1e-4)


def unscored(hit: Hit) -> tuple[Any, ...]:
    return hit.rank, hit.id, hit.title, hit.text, dict(hit.meta), hit.sim_expected is None


@pytest.mark.parametrize("options", OPTIONS, ids=repr)
def test_the_answers_are_those_of_the_cluster(options: SearchOptions, corpus: Corpus, server: Server) -> None:
    with (
        open_index(corpus.address, settings=Settings()) as direct,
        open_index(address(server, corpus.name), settings=Settings()) as remote,
    ):
        assert_same(remote.search(ASKED, **options), direct.search(ASKED, **options))
        assert remote.profile.lam == direct.profile.lam
        assert remote.profile.vector_field == direct.profile.vector_field
        assert remote.profile.question_tower is None, "where the gateway's model lies is its own business"


def test_many_questions_and_own_vectors(corpus: Corpus, server: Server) -> None:
    questions = [ASKED, "tides of the moon", "who wrote it", ASKED]
    vectors = corpus.encoder.encode_questions(questions)
    with (
        open_index(corpus.address, settings=Settings()) as direct,
        open_index(address(server, corpus.name), settings=Settings()) as remote,
    ):
        true = direct.search_many(questions, vectors, k=5)
        for found in (remote.search_many(questions, k=5), remote.search_many(questions, vectors, k=5)):
            for one, other in zip(found, true, strict=True):
                assert_same(one, other)
        turned = remote.search(ASKED, vector=-np.asarray(vectors[0]), k=5)
        assert [hit.id for hit in turned.hits] != [hit.id for hit in true[0].hits]
        with pytest.raises(UsageError, match="1 vectors"):
            remote.search_many(questions, vectors[:1])


def test_the_gateway_reads_for_those_who_ask(corpus: Corpus, server: Server) -> None:
    async def ask() -> AskResult:
        async with await open_async_index(address(server, corpus.name), settings=Settings()) as remote:
            return await remote.ask(ASKED, k=5, answers=3)

    with (
        open_index(corpus.address, settings=Settings()) as direct,
        open_index(address(server, corpus.name), settings=Settings()) as remote,
    ):
        true = direct.ask(ASKED, k=5, answers=3)
        for found in (
            remote.ask(ASKED, k=5, answers=3),
            remote.ask(ASKED, k=5, answers=3, here=True),
            asyncio.run(ask()),
        ):
            assert [one.text for one in found.answers] == [one.text for one in true.answers]
            assert found.reader == true.reader
            assert_same(found.found, true.found)
        assert len(remote.ask(ASKED).hits) == len(direct.ask(ASKED).hits)
        for wrong in ({"answers": 0}, {"text": False}, {"rule": "sideways"}):
            with pytest.raises(UsageError):
                remote.ask(ASKED, **wrong)


def test_whoever_asks_by_http_is_told_of_no_option_of_the_command_line(
    corpus: Corpus, opensearch: Service, tmp_path: Path
) -> None:
    sent = json.dumps({"index": corpus.name, "question": ASKED}).encode()
    options = ("--index", corpus.name, "--patience", "60")
    with (
        redis_of_its_own() as redis,
        gateway(tmp_path, opensearch.url, *options, HYBRID_REDIS_URL=redis.url) as server,
    ):
        answer = server.ask("POST", "/v1/ask", sent)
    said = answer.json["error"]["reason"]
    assert answer.status == 503
    assert said.startswith("No reader worker is running")
    assert "without HYBRID_REDIS_URL" in said
    assert "--" not in said


def test_asyncio_has_the_same_answers(corpus: Corpus, server: Server) -> None:
    async def ask() -> Sequence[SearchResult]:
        async with await open_async_index(address(server, corpus.name), settings=Settings()) as remote:
            with pytest.raises(UsageError, match="only answers questions"):
                await remote.add([])
            return await asyncio.gather(*(remote.search(ASKED, **options) for options in OPTIONS))

    found = asyncio.run(ask())
    with open_index(corpus.address, settings=Settings()) as direct:
        for one, options in zip(found, OPTIONS, strict=True):
            assert_same(one, direct.search(ASKED, **options))


def test_what_is_wrong_with_a_question_is_told(corpus: Corpus, server: Server) -> None:
    wrong: list[tuple[Any, str]] = [
        ({"k": 0}, "k is 0"),
        ({"mode": "sideways"}, "sideways"),
        ({"vector": [1.0]}, "dimension|numbers"),
        ({"filter": {"script": {}}}, "does not let this pass"),
        ({"filter": {"range": {"meta.year": {"gte": "x"}}}}, "x"),
        ({"vector": object()}, "JSON"),
        ({"pair_id": "another"}, "another"),
    ]
    with open_index(address(server, corpus.name), settings=Settings()) as remote:
        for options, word in wrong:
            with pytest.raises((UsageError, FilterError), match=word):
                remote.search(ASKED, **options)
        with pytest.raises(UsageError, match="only answers questions"):
            remote.add([])
        with pytest.raises(UsageError, match="only answers questions"):
            remote.status()


def test_an_index_that_is_not_served_and_a_server_that_is_no_gateway(
    corpus: Corpus, server: Server, opensearch: Service
) -> None:
    with pytest.raises(IndexMissingError, match="nowhere"):
        open_index(address(server, "nowhere"), settings=Settings())
    with pytest.raises((UsageError, ClusterError), match="Cannot open the index at gateway"):
        open_index(f"gateway+{opensearch.url}/{corpus.name}", settings=Settings())
    (port,) = free_ports(1)
    with pytest.raises(UnreachableError, match=str(port)):
        open_index(f"gateway+http://127.0.0.1:{port}/wiki", settings=Settings())


def test_credentials_go_through_to_the_cluster(corpus: Corpus, opensearch: Service, tmp_path: Path) -> None:
    who = Settings(opensearch_username="eve", opensearch_password="secret")
    with (
        recorder(forwarding(opensearch.url)) as recorded,
        gateway(tmp_path, recorded.url, "--index", corpus.name, "--patience", "60") as server,
        open_index(address(server, corpus.name), settings=who, headers={"X-Opaque-Id": "me"}) as remote,
    ):
        assert said(recorded, lambda: remote.search(ASKED)) == {("Basic ZXZlOnNlY3JldA==", "me")}
        for status, error in ((401, AccessError), (403, AccessError), (429, BusyError), (503, BusyError)):
            recorded.answer = always(Reply(status, b'{"error": {"type": "x", "reason": "no"}}'))
            with pytest.raises(error):
                remote.search(ASKED)


def said(recorded: Recorder, act: Any) -> set[tuple[str | None, str | None]]:
    recorded.requests.clear()
    act()
    searches = [one for one in recorded.requests if "search" in one.path]
    return {(one.header("authorization"), one.header("x-opaque-id")) for one in searches}


def test_the_command_line_asks_a_gateway(corpus: Corpus, server: Server, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([HYBRID, *arguments], capture_output=True, text=True, check=False)

    found = run("search", address(server, corpus.name), ASKED, "-k", "3", "--json")
    assert found.returncode == 0, found.stderr
    with open_index(corpus.address, settings=Settings()) as direct:
        wanted = [hit.id for hit in direct.search(ASKED, k=3).hits]
    assert [hit["id"] for hit in json.loads(found.stdout)["hits"]] == wanted
    shown = run("explain-query", address(server, corpus.name), ASKED)
    again = subprocess.run(["bash", "-c", shown.stdout], capture_output=True, text=True, check=True)
    assert [hit["id"] for hit in json.loads(again.stdout)["hits"]][:3] == wanted
    refused = run("status", address(server, corpus.name))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    (tmp_path / "asked.jsonl").write_text('{"question": "red fox", "answer": ["fox"]}\n', "utf-8")
    for command in ("eval", "tune"):
        judged = run(command, address(server, corpus.name), "--questions", str(tmp_path / "asked.jsonl"))
        assert (judged.returncode, "is behind a gateway, which only answers" in judged.stderr) == (2, True)
    for path in ("/v1/search", "/v1/ask"):
        empty = server.ask("POST", path, json.dumps({"index": corpus.name, "question": " "}).encode())
        assert (empty.status, "The question is empty" in empty.json["error"]["reason"]) == (400, True)


def test_a_folder_that_is_served_is_asked_like_a_cluster(tmp_path: Path) -> None:
    encoder = load_encoder(str(save_sentence_transformer(tmp_path / "model")), scale=20.0)
    folder = str(tmp_path / "wiki")
    create_index(folder, encoder.make_profile())
    texts = ["red fox", "a red door", "the tides of the ocean"]
    vectors = encoder.encode_passages([("", text) for text in texts])
    with open_index(folder, settings=Settings()) as direct, serving(tmp_path, folder) as server:
        direct.add(Passage(f"p{n}", text, vector=vectors[n]) for n, text in enumerate(texts))
        with open_index(address(server, "wiki"), settings=Settings()) as remote:
            assert_same(remote.search(ASKED, k=2), direct.search(ASKED, k=2))
            assert [one.text for one in remote.ask(ASKED).answers] == [one.text for one in direct.ask(ASKED).answers]
            assert remote.profile.question_tower is None
        with pytest.raises(IndexMissingError):
            open_index(address(server, "nowhere"), settings=Settings())


def test_asking_loads_no_model(corpus: Corpus, server: Server) -> None:
    code = (
        "import sys\nfrom hybrid import open_index\n"
        f"open_index({address(server, corpus.name)!r}).search({ASKED!r})\n"
        "print(sorted({'torch', 'tokenizers', 'safetensors', 'starlette'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
