"""A question without text is refused wherever one is asked, unless it brings a vector; among many it is no error."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid import Passage, create_index, open_async_index, open_index
from hybrid.encoders import load_encoder
from hybrid.errors import UsageError
from hybrid.settings import Settings
from tests.commands import Say, one_line, speaker
from tests.conftest import MakeIndex
from tests.page.story import serving
from tests.tiny_models import save_sentence_transformer

EMPTY = "The question is empty."
TEXTS = ("red fox", "a red door", "the tides of the ocean")
PLACES = ("folder", "cluster", "gateway")


@pytest.fixture(scope="module")
def addresses(make_index: MakeIndex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give one small index in a folder, on a cluster, and the folder's as it is served."""
    place = tmp_path_factory.mktemp("empty")
    encoder = load_encoder(str(save_sentence_transformer(place / "model")), scale=20.0)
    folder, cluster = str(place / "wiki"), make_index(encoder.make_profile())
    create_index(folder, encoder.make_profile(), settings=Settings())
    vectors = encoder.encode_passages([("", text) for text in TEXTS])
    for address in (folder, cluster):
        with open_index(address, settings=Settings()) as index:
            index.add((Passage(f"p{n}", TEXTS[n], vector=vectors[n]) for n in range(len(TEXTS))), refresh=True)
    with serving(place, folder) as server:
        yield {"folder": folder, "cluster": cluster, "gateway": f"gateway+{server.url}/wiki"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("question", ["", " \n\t"])
@pytest.mark.parametrize("options", [{}, {"mode": "lexical"}, {"mode": "dense"}], ids=str)
def test_question_without_text_is_refused(
    place: str, question: str, options: dict[str, Any], addresses: dict[str, str]
) -> None:
    async def act(kind: str) -> Any:
        async with open_async_index(addresses[place], settings=Settings()) as index:
            return await getattr(index, kind)(question, **options)

    with open_index(addresses[place], settings=Settings()) as index:
        for ask in (index.search, index.explain_query, index.ask):
            with pytest.raises(UsageError) as raised:
                ask(question, **options)
            assert str(raised.value) == EMPTY
    for kind in ("search", "ask"):
        with pytest.raises(UsageError) as raised:
            asyncio.run(act(kind))
        assert str(raised.value) == EMPTY


@pytest.mark.parametrize("place", PLACES)
def test_question_without_text_may_bring_its_vector(place: str, addresses: dict[str, str]) -> None:
    with open_index(addresses[place], settings=Settings()) as index:
        size = index.profile.dimension
        for mode in ("dense", "hybrid"):
            result = index.search("", vector=[1.0] * size, mode=mode)
            assert len(result.hits) == len(TEXTS)
            assert [hit.bm25 for hit in result.hits] == [0.0] * len(TEXTS)
            sims = [hit.sim or 0.0 for hit in result.hits]
            assert sims == sorted(sims, reverse=True)
        with pytest.raises(UsageError, match=EMPTY):
            index.ask("", vector=[1.0] * size)


@pytest.mark.parametrize("place", PLACES[:2])
def test_set_of_questions_is_answered_though_one_is_empty(place: str, addresses: dict[str, str]) -> None:
    with open_index(addresses[place], settings=Settings()) as index:
        alone = index.search("red fox", k=2)
        for mode in ("hybrid", "lexical", "dense"):
            assert len(index.search_many(["red fox", " "], mode=mode, k=2)) == 2
        assert [hit.id for hit in index.search_many(["", "red fox"], k=2)[1].hits] == [hit.id for hit in alone.hits]


@pytest.mark.parametrize("place", PLACES[:2])
def test_evaluation_tells_of_an_empty_question_and_goes_on(
    place: str, addresses: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hybrid: Say = speaker(capsys)
    questions = tmp_path / "questions.jsonl"
    questions.write_text(
        '{"question": "red fox", "answer": ["fox"]}\n{"question": " ", "answer": ["door"]}\n', "utf-8"
    )
    for modes in ("hybrid,lexical,dense", "lexical"):
        found = hybrid("eval", addresses[place], "--questions", questions, "--modes", modes, "--json").json
        assert ("empty questions", 1) in [(one["name"], one["count"]) for one in found["faults"]]
    said = hybrid("batch", addresses[place], questions, "--out", tmp_path / "run.trec")
    assert (said.code, said.out) == (0, f"2 questions answered in {tmp_path / 'run.trec'}\n")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", ["search", "ask", "explain-query"])
def test_command_refuses_it_too(
    command: str, place: str, addresses: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = speaker(capsys)(command, addresses[place], "  ")
    assert (said.code, one_line(said)) == (2, f"hybrid: {EMPTY}")
