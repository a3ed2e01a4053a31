"""``hybrid tune`` as a person meets it: the weight that is found, what is written, and the constants of a folder."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hybrid import open_index
from hybrid.settings import Settings
from tests.commands import Say, one_line
from tests.integration.evaluating import ENGINES, Asked


def test_metric_that_is_not_measured_is_told(hybrid: Say, addresses: dict[str, str], asked: Asked) -> None:
    said = hybrid("tune", addresses["local"], *asked.options, "--metric", "top10", "--k", "1,3")
    assert said.code == 2
    assert "'top10' is not measured here; say mean or one of top1, top3, mrr" in one_line(said)


@pytest.mark.parametrize("fresh", ENGINES, indirect=True)
def test_tuning_finds_the_weight_and_writes_it_into_the_profile(
    hybrid: Say, fresh: str, asked: Asked, tmp_path: Path
) -> None:
    options = [*asked.options, "--metric", "top1", "--fusion", "rrf"]
    found = hybrid("tune", fresh, *options, "--json").json
    assert found["lambda"]["interval"][0] <= 2.0 <= found["lambda"]["interval"][1]
    assert next(point["mean"] for point in found["curve"] if point["lambda"] == 2.0) == 1.0
    assert list(found["modes"]) == ["hybrid", "lexical", "dense", "rrf", "tuned"]
    assert [half["questions"] for half in found["halves"]] == [20, 20]
    with open_index(fresh, settings=Settings()) as index:
        before = index.profile
        assert (before.lam, before.lam_source, before.sim_prior_source) == (1.1, "paper", "default")
    page, picture = tmp_path / "tuning.html", tmp_path / "tuning.svg"
    said = hybrid("tune", fresh, *options, "--write", "--write-depth", "--html", page, "--svg", picture)
    assert said.code == 0
    with open_index(fresh, settings=Settings()) as index:
        profile = index.profile
        best = found["lambda"]["chosen"]
        assert (profile.lam, profile.lam_source) == (best, "tune: questions.tsv, 40 questions, top1")
        assert dataclasses.asdict(profile.sim_prior) == pytest.approx(found["sim_prior"])
        assert profile.sim_prior_source == "tune"
        enough = [one["depth"] for one in found["depths"] if one["enough"]]
        assert profile.depth == min([*enough, before.depth])
        assert profile.depth < before.depth
        assert index.search("moon", vector=np.ones(8), k=1).lam == best
    assert f"written into the profile: λ {best:g} and depth {profile.depth:,}" in said.err
    assert "say both" in hybrid("tune", fresh, *options, "--write-depth").err
    too_few = hybrid("tune", fresh, *options, "--write", "--write-min-sim")
    assert (too_few.code, "give more" in too_few.err) == (2, True)
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert picture.read_text("utf-8").startswith('<svg class="chart"')


def test_constants_are_tuned_in_a_folder_only(hybrid: Say, addresses: dict[str, str], asked: Asked) -> None:
    options = [*asked.options, "--limit", "10", "--bm25", "--json"]
    found = hybrid("tune", addresses["local"], *options).json
    assert {(one["k1"], one["b"]) for one in found["bm25"]["tried"]} >= {(0.9, 0.4), (0.9, 0.8)}
    said = hybrid("tune", addresses["cluster"], *options)
    assert said.code == 2
    assert "are fixed since it was made; tune them on a copy in a folder" in one_line(said)
