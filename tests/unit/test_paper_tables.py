"""The paper's figures are all there, its claims follow from them, and ours are judged by the same checks."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.paper.budgets import BUDGETS
from benchmarks.paper.cells import list_cells
from benchmarks.paper.checks import alike, beats, beats_somewhere, climbs, no_better
from benchmarks.paper.claims import CLAIMS, judge_all
from benchmarks.paper.figures import MissingError, Ours, Published, Run
from benchmarks.paper.jobs import list_jobs, list_tables
from benchmarks.paper.published import PAPER, load_sources, load_tables
from benchmarks.paper.recipes import RECIPES, find_recipes
from benchmarks.paper.report import claims_to_json, describe_table, judge, table_to_json
from benchmarks.paper.results import Results

SETS = ("nq", "trivia", "wq", "trec", "squad")
TABLES = load_tables()
PUBLISHED = Published(TABLES)
NOTHING = Ours(())


def runs(row: str, *outcomes: Sequence[int | None], table: str = "3") -> list[Run]:
    return [Run(table=table, row=row, seed=seed, ranks={"s": ranks}) for seed, ranks in enumerate(outcomes)]


def test_table_1_to_4_are_whole() -> None:
    assert len(TABLES["1"].rows) == 5
    assert all(set(row.figures[PAPER]) == {"train", "used", "dev", "test"} for row in TABLES["1"].rows)
    assert [row.id for row in TABLES["2"].rows] == [
        "bm25", "single-dense", "single-hybrid", "multi-dense", "multi-hybrid",
    ]  # fmt: skip
    wanted = {f"{name}/top{k}" for name in SETS for k in (20, 100)}
    assert all(set(row.figures[PAPER]) == wanted for row in TABLES["2"].rows)
    assert len(TABLES["3"].rows) == 9
    assert all(set(row.figures[PAPER]) == {f"nq-dev/top{k}" for k in (5, 20, 100)} for row in TABLES["3"].rows)
    assert [len(row.figures[PAPER]) for row in TABLES["4"].rows] == [5, 5, 2, 3, 2, 3, 3, 5, 5, 5, 5, 5, 1, 1]
    assert len(TABLES["5.4"].rows) == 5


@pytest.mark.parametrize(
    ("table", "row", "source", "column", "figure"),
    [
        ("1", "nq", PAPER, "used", 58_880),
        ("2", "bm25", PAPER, "nq/top20", 59.1),
        ("2", "multi-hybrid", PAPER, "squad/top100", 78.6),
        ("2", "multi-hybrid", "pyserini", "nq/top20", 82.6),
        ("3", "batch-128+1", PAPER, "nq-dev/top20", 78.0),
        ("4", "realm-news", PAPER, "trec/em", 42.9),
        ("4", "multi-hybrid", "pygaggle", "nq/em", 41.25),
        ("5.4", "dense-rate", PAPER, "value", 995.0),
        ("6", "l2-triplet", PAPER, "nq-dev/top1", 42.2),
    ],
)
def test_figures_are_those_that_were_published(table: str, row: str, source: str, column: str, figure: float) -> None:
    assert TABLES[table].row(row).figures[source][column] == figure


def test_every_source_is_named_and_no_figure_is_impossible() -> None:
    for table in TABLES.values():
        assert len({row.id for row in table.rows}) == len(table.rows)
        for row in table.rows:
            assert set(row.figures) <= set(load_sources())
            if table.unit == "%":
                assert all(0 < value < 100 for figures in row.figures.values() for value in figures.values())
                for name, figures in row.figures.items():
                    ordered = [figures[one] for one in figures if one.startswith("nq/top")]
                    assert ordered == sorted(ordered), f"{row.id} of {name}"


def test_systems_of_others_are_marked() -> None:
    others = {row.id for row in TABLES["4"].rows if row.not_run}
    assert others == {
        "bm25+bert", "orqa", "hardem", "graphretriever", "pathretriever", "realm-wiki", "realm-news",
    }  # fmt: skip
    lines = [line for line in describe_table("4", NOTHING, NOTHING) if "Guu" in line]
    assert len(lines) == 6
    assert all(line.endswith("not run") for line in lines)


def test_what_is_not_recorded_is_said() -> None:
    lines = list(describe_table("figure1", NOTHING, NOTHING))
    assert sum("not recorded here" in line for line in lines) == 6


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.of_the_paper], ids=lambda claim: claim.id)
def test_the_paper_bears_out_its_claims(claim: object) -> None:
    found = claim.of_the_paper(PUBLISHED)  # type: ignore[attr-defined]
    assert found.verdict == "seen", found.shown


def test_claims_without_our_figures_are_not_run_or_say_why_not() -> None:
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    for claim, verdict, shown in judge_all(NOTHING):
        assert verdict == ("not run" if claim.of_ours else "not testable here")
        assert shown


def test_a_claim_is_seen_only_beyond_chance() -> None:
    better, worse = [1] * 40 + [None] * 10, [1] * 10 + [None] * 40
    close = [*better[1:], None]
    verdicts = []
    for other in (worse, close, better):
        ours = Ours([*runs("batch-8", better), *runs("gold-7", other)])
        verdicts.append({claim.id: verdict for claim, verdict, _ in judge_all(ours)}["in-batch-helps"])
    assert verdicts == ["seen", "undecided", "not seen"]


def test_a_claim_that_holds_for_some_sets_is_seen_in_part() -> None:
    better, worse = [1] * 50, [None] * 50

    def judge_with(other: Sequence[int | None], another: Sequence[int | None]) -> str:
        first = Run(table="2", row="dense", ranks={"policyqa": better, "vaswani": other})
        second = Run(table="2", row="bm25", ranks={"policyqa": worse, "vaswani": another})
        return {claim.id: verdict for claim, verdict, _ in judge_all(Ours([first, second]))}["dense-beats-bm25"]

    close = [None, *better[1:]]
    assert judge_with(better, worse) == "seen"
    assert judge_with(better, close) == "seen in part"
    assert judge_with(worse, better) == "not seen"


def test_checks_say_what_they_say() -> None:
    many, few, none = [1] * 400, [1] * 399 + [None], [None] * 400
    ours = Ours([*runs("a", many), *runs("b", few), *runs("c", none)])
    close = Ours([*runs("a", many[:50]), *runs("b", few[-50:])])
    assert beats("3", "a", "c", "top20")(ours).verdict == "seen"
    assert beats("3", "c", "a", "top20")(ours).verdict == "not seen"
    assert beats("3", "a", "b", "top20")(ours).verdict == "undecided"
    assert alike("3", "a", "b", "top20")(ours).verdict == "seen"
    assert alike("3", "a", "c", "top20")(ours).verdict == "not seen"
    assert no_better("3", "b", "a", "top20")(ours).verdict == "seen"
    assert no_better("3", "a", "c", "top20")(ours).verdict == "not seen"
    # One question of 50 may be chance, and may be more than a little.
    assert alike("3", "a", "b", "top20")(close).verdict == "undecided"
    assert no_better("3", "a", "b", "top20")(close).verdict == "undecided"
    assert beats_somewhere("3", "a", ("c",), "top20")(ours).verdict == "seen"
    assert beats_somewhere("3", "a", ("b", "c"), "top20")(ours).verdict == "undecided"
    assert climbs("3", "top20")(ours).verdict == "not seen"
    assert climbs("3", "top20", leave_out=("b",))(Ours([*runs("c", none), *runs("a", many)])).verdict == "seen"
    with pytest.raises(MissingError):
        beats("3", "a", "d", "top20")(ours)


def test_no_set_may_be_better_where_none_should_be() -> None:
    first = Run(table="3", row="a", ranks={"s": [1] * 60, "t": [1] * 60})
    second = Run(table="3", row="b", ranks={"s": [1] * 60, "t": [None] * 50 + [1] * 10})
    assert no_better("3", "a", "b", "top20")(Ours([first, second])).verdict == "not seen"


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.5])
def test_what_a_seed_adds_to_all_questions_is_no_finding(spread: float) -> None:
    rng = np.random.default_rng(3)
    trials = 200

    def train() -> list[list[int | None]]:
        """Give three runs whose accuracy differs by chance only."""
        shares = 0.6 + 0.01 * spread * rng.normal(size=3)
        return [[1 if hit else None for hit in rng.random(400) < share] for share in shares]

    found = [
        Ours([*runs("a", *train()), *runs("b", *train())]).difference("3", "a", "b", "s/top1") for _ in range(trials)
    ]
    assert sum(one.low > 0 or one.high < 0 for one in found) <= 0.08 * trials


def test_runs_that_are_not_all_finished_are_compared_by_their_seeds() -> None:
    three = runs("a", [1, 1], [1, None], [None, None])
    assert Ours([*three, *runs("b", [1, 1], [None, None])]).difference("3", "a", "b", "s/top1").mean == 25
    assert Ours([*three, *runs("b", [None, None])]).difference("3", "a", "b", "s/top1").mean == 50


def test_rows_with_other_questions_are_not_compared_question_by_question() -> None:
    rng = np.random.default_rng(1)
    one, other = (rng.normal(mean, 10, 200) for mean in (3, 0))

    def find_gap(first: Sequence[float], second: Sequence[float]) -> Sequence[float]:
        given = [Run(table="words", row=row, values={"s": values}) for row, values in (("a", first), ("b", second))]
        return dataclasses.astuple(Ours(given).gap("words", "a", "b", "s"))

    _, low, high = find_gap(one.tolist(), other.tolist())
    assert find_gap(sorted(one), sorted(other)) == pytest.approx(find_gap(one.tolist(), other.tolist()))
    error = np.sqrt(one.var(ddof=1) / 200 + other.var(ddof=1) / 200)
    assert (high - low) / 2 == pytest.approx(1.966 * error, rel=1e-3)


def test_seeds_are_averaged_question_by_question() -> None:
    ours = Ours(runs("a", [1, None, 7, None], [1, 30, None, None]))
    assert ours.columns("3", "a") == ["s/top1", "s/top5", "s/top20", "s/top100"]
    assert ours.figure("3", "a", "s/top1").mean == 25
    assert ours.figure("3", "a", "s/top20").mean == pytest.approx(37.5)
    assert ours.seeds("3", "a", "s/top20") == [50, 25]
    found = ours.figure("3", "a", "s/top100")
    assert 0 == found.low < found.mean == 50 < found.high == 100


def test_a_difference_is_that_of_the_same_questions() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(400) < 0.5
    first = [1 if easy else None for easy in hard]
    second = [*([None] * 20), *first[20:]]
    found = Ours([*runs("a", first), *runs("b", second)]).difference("3", "a", "b", "s/top1")
    assert found.mean == 100 * sum(hard[:20]) / 400
    assert found.low > 0
    # The interval of either row by itself is wider.
    alone = Ours(runs("a", first)).figure("3", "a", "s/top1")
    assert found.high - found.low < alone.high - alone.low


def test_pass_or_fail() -> None:
    assert judge("2", 58.7, 59.1) == "pass"
    assert judge("2", 58.5, 59.1) == "fail"
    assert judge("1", 58_880, 58_880) == "pass"
    assert judge("1", 58_881, 58_880) == "fail"
    assert judge("5.4", 1.0, 995.0) == "measured"


def test_a_row_of_ours_stands_beside_the_published_ones() -> None:
    ours = Ours([Run(table="2", row="bm25", values={"nq/top20": [100.0] * 63 + [0.0] * 37})])
    lines = list(describe_table("2", ours, NOTHING))
    (line,) = [line for line in lines if line.split()[:2] == ["BM25", "nq/top20"]]
    assert line.split()[2:] == ["59.1", "62.94", "63.0", "pass"]
    told = table_to_json("2", ours, NOTHING)
    assert told["original"]["bm25"]["nq/top20"]["mean"] == 63
    assert told["published"][0]["figures"]["pyserini"]["nq/top20"] == 62.94


def test_a_row_without_published_figures_shows_ours() -> None:
    ours = Ours([Run(table="6", row="cosine-nll", values={"nq-dev/top20": [100.0] * 7 + [0.0] * 3})])
    (line,) = [line for line in describe_table("6", ours, NOTHING) if "70.0" in line]
    assert line.split()[-4:] == ["nq-dev/top20", "-", "-", "70.0"]


def test_every_row_that_is_trained_has_a_recipe_that_is_what_it_is_called() -> None:
    for table in ("3", "5", "6"):
        assert list(RECIPES[table]) == [row.id for row in TABLES[table].rows]
        assert {cell.row for cell in list_cells(table)} == set(RECIPES[table])
    negatives = {"batch-8": 7, "batch-32": 31, "batch-128": 127, "batch-32+1": 63, "batch-32+2": 95,
                 "batch-128+1": 255, "random-7": 7, "bm25-7": 7, "gold-7": 7}  # fmt: skip
    for row, wanted in negatives.items():
        plan = RECIPES["3"][row].make_plan(BUDGETS["small"], seed=0)
        own = plan.hard_negatives + plan.negatives
        assert (plan.batch * (1 + own) - 1 if plan.in_batch else own) == wanted
    assert RECIPES["6"]["l2-triplet"].make_plan(BUDGETS["small"], 0).similarity == "l2"


def test_all_rows_of_the_paper_can_be_asked_for() -> None:
    for table in ("1", "2", "3", "4", "5", "6"):
        run = {row.id for row in TABLES[table].rows if not row.not_run and row.id != "joint"}
        assert {cell.row for cell in list_cells(table)} == run
    assert {cell.set for cell in list_cells("2")} == set(SETS)
    for table in list_tables():
        assert list_jobs(table, BUDGETS["small"])


def test_training_from_the_encoder_as_it_is_counts_for_no_claim() -> None:
    worse, better = [None] * 50, [1] * 50
    given = [*runs("250", worse, table="figure1"), *runs("1000", better, table="figure1")]
    whole = runs("1000, as it is", worse, table="figure1")
    ours = Ours([*given, *whole, *runs("bm25", better, table="figure1")])
    told = {one["claim"]: one["verdict"] for one in claims_to_json(ours)}
    assert told["more-examples-help"] == "seen"
    assert told["few-examples-suffice"] == "not seen"
    (beaten,) = [
        one
        for one in claims_to_json(Ours([*given, *whole, *runs("bm25", worse, table="figure1")]))
        if one["claim"] == "few-examples-suffice"
    ]
    assert beaten["verdict"] == "seen"
    recipes = find_recipes("3", BUDGETS["small"])
    assert len(recipes) == 2 * len(RECIPES["3"])
    assert recipes["batch-8, as it is"].make_plan(BUDGETS["small"], 0).reinit_layers == 0
    assert recipes["batch-8"].make_plan(BUDGETS["small"], 0).reinit_layers == 3


def test_what_training_gains_is_told_with_its_interval() -> None:
    before, after = [1] * 20 + [None] * 80, [1] * 60 + [None] * 40
    ours = Ours([*runs("minilm", before, table="half"), *runs("minilm, trained", after, after, table="half")])
    (found,) = [one for one in table_to_json("half", NOTHING, ours)["gains"] if one["column"] == "s/top1"]
    assert found["mean"] == 40
    assert 25 < found["interval"][0] < 40 < found["interval"][1] < 55
    assert any(
        "minilm, trained over minilm: s/top1 +40.0 [" in line for line in describe_table("half", NOTHING, ours)
    )


def test_results_are_kept_and_told_apart(tmp_path: Path) -> None:
    results = Results(tmp_path / "kept")
    assert results.find("a") is None
    kept = runs("a", [1, None], [2, 3])
    results.keep("a", kept)
    assert results.find("a") == kept
    budget = BUDGETS["small"]
    recipe = RECIPES["3"]["batch-32"]
    others = [
        recipe.digest(dataclasses.replace(budget, epochs=5)),
        dataclasses.replace(recipe, hard=1).digest(budget),
    ]
    assert len({recipe.digest(budget), *others}) == 3
    assert recipe.digest(dataclasses.replace(budget, seeds=9, read=7)) == recipe.digest(budget)
