"""The curve over λ: its mean and band, which λ is chosen, and its picture."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from hybrid.errors import UsageError
from hybrid.evaluation.bootstrap import Floats, estimate
from hybrid.evaluation.chart import HEIGHT, WIDTH, draw_chart
from hybrid.evaluation.curves import LAMBDAS, LEAST_QUESTIONS, choose, draw_curve, find_best, pick_metric, share

SVG = "{http://www.w3.org/2000/svg}"


def answered(rng: np.random.Generator, peak: float, questions: int = 800, *, ragged: bool = False) -> Floats:
    """Make questions that are answered most often around a λ, and by chance between its neighbours if ``ragged``."""
    chances = [0.8 - 2 * (share(lam) - share(peak)) ** 2 for lam in LAMBDAS]
    drawn = rng.random((questions, len(LAMBDAS) if ragged else 1))
    return (drawn < np.array(chances)).astype(np.float64)


def test_weights_ascend_from_bm25_alone() -> None:
    assert LAMBDAS[0] == 0
    assert list(LAMBDAS) == sorted(set(LAMBDAS))
    assert 1.1 in LAMBDAS


@pytest.mark.parametrize("peak", [0.0, 1.1, 50.0])
def test_best_weight_is_found_with_its_interval(peak: float, rng: np.random.Generator) -> None:
    curve = draw_curve(LAMBDAS, answered(rng, peak), 1.1)
    assert abs(share(curve.best) - share(peak)) < 0.12
    assert curve.low <= curve.best <= curve.high
    assert share(curve.high) - share(curve.low) < 0.5
    assert curve.on_edge == (peak == 50.0)


def test_points_are_means_with_their_intervals(rng: np.random.Generator) -> None:
    columns = answered(rng, 1.0, 50)
    curve = draw_curve(LAMBDAS, columns, 1.1)
    assert curve.means == tuple(estimate(list(columns.T)))
    assert curve.at(curve.best) == curve.means[LAMBDAS.index(curve.best)]


def test_a_lonely_peak_is_not_trusted() -> None:
    columns = np.full((1, len(LAMBDAS)), 0.5)
    columns[:, LAMBDAS.index(0.4)] = 0.7
    columns[:, LAMBDAS.index(1.5) : LAMBDAS.index(2.0) + 1] = 0.65
    assert 1.5 <= LAMBDAS[find_best(LAMBDAS, columns)] <= 2.0


def test_weights_that_lie_close_do_not_count_for_more() -> None:
    """A hill that is measured at many points on its left and at few on its right still has its top where it is."""
    shares = np.array([*np.linspace(0.3, 0.5, 41), 0.56, 0.62, 0.68, 0.74])
    columns = -np.square(shares - 0.5)[np.newaxis]
    assert abs(shares[find_best([one / (1 - one) for one in shares], columns)] - 0.5) < 0.02


def test_weight_is_left_as_it_is_where_only_chance_speaks_for_another(rng: np.random.Generator) -> None:
    drawn = [(rng.random((60, len(LAMBDAS))) < 0.7).astype(np.float64) for _ in range(30)]
    best, chosen = (
        np.mean([abs(share(LAMBDAS[place]) - share(1.1)) for place in places])
        for places in ([find_best(LAMBDAS, one) for one in drawn], [choose(LAMBDAS, one, 1.1) for one in drawn])
    )
    assert chosen < best / 2


def test_the_more_questions_the_further_it_goes_to_the_best(rng: np.random.Generator) -> None:
    def choose_of(columns: Floats) -> float:
        return share(LAMBDAS[choose(LAMBDAS, columns, 1.1)])

    few, many = (
        np.mean([choose_of(answered(rng, 0.6, count, ragged=True)) for _ in range(20)]) for count in (50, 5000)
    )
    assert share(1.1) > few > many
    assert abs(many - share(0.6)) < 0.05


def test_enough_questions_lead_to_the_best_from_anywhere(rng: np.random.Generator) -> None:
    columns = answered(rng, 0.8, 300)
    best = LAMBDAS[find_best(LAMBDAS, columns)]
    for own in (0.0, 0.5, 10.0):
        chosen = LAMBDAS[choose(LAMBDAS, np.tile(columns, (400, 1)), own)]
        assert abs(share(chosen) - share(best)) < 0.05


@pytest.mark.parametrize("count", [1, 2])
def test_a_few_questions_that_agree_prove_nothing(count: int) -> None:
    columns = np.tile(np.array(LAMBDAS) > 2, (count, 1)).astype(np.float64)
    assert LAMBDAS[choose(LAMBDAS, columns, 1.1)] == 1.1
    assert LAMBDAS[choose(LAMBDAS, np.tile(columns, (40, 1)), 1.1)] > 2


def test_own_weight_stays_where_others_are_equal() -> None:
    assert LAMBDAS[choose(LAMBDAS, np.ones((5, len(LAMBDAS))), 0.5)] == 0.5


def test_one_weight_alone_is_chosen() -> None:
    curve = draw_curve([1.1], np.ones((3, 1)), 1.1)
    assert (curve.best, curve.low, curve.high, curve.chosen) == (1.1, 1.1, 1.1, 1.1)


def test_metric_is_one_of_those_measured_or_the_mean_of_the_accuracies() -> None:
    metrics = {"top1": np.array([0.0, 1.0]), "top5": np.array([1.0, 1.0]), "mrr": np.array([0.2, 1.0])}
    assert pick_metric(metrics, "mean").tolist() == [0.5, 1.0]
    assert pick_metric(metrics, "mrr").tolist() == [0.2, 1.0]
    with pytest.raises(UsageError, match="'map' is not measured here; say mean or one of top1, top5, mrr"):
        pick_metric(metrics, "map")


# The picture


def draw(rng: np.random.Generator, title: str = "top20") -> ET.Element:
    curve = draw_curve(LAMBDAS, answered(rng, 0.8, 500), 1.1)
    return ET.fromstring(draw_chart(curve, title, before=1.1, sides={"lexical": 0.41, "dense": 0.405}))


def test_picture_is_whole_and_stays_inside_itself(rng: np.random.Generator) -> None:
    svg = draw(rng)
    assert svg.attrib["viewBox"] == f"0 0 {WIDTH} {HEIGHT}"
    for place, limit in (("x", WIDTH), ("x1", WIDTH), ("x2", WIDTH), ("cx", WIDTH), ("y", HEIGHT), ("cy", HEIGHT)):
        assert all(0 <= float(one.attrib[place]) <= limit for one in svg.iter() if place in one.attrib)
    for shape in (*svg.iter(f"{SVG}polyline"), *svg.iter(f"{SVG}polygon")):
        for x, y in re.findall(r"([\d.-]+),([\d.-]+)", shape.attrib["points"]):
            assert 0 <= float(x) <= WIDTH
            assert 0 <= float(y) <= HEIGHT


def test_line_has_every_weight_and_the_marks_lie_on_it(rng: np.random.Generator) -> None:
    svg = draw(rng)
    (line,) = svg.iter(f"{SVG}polyline")
    points = [tuple(point.split(",")) for point in line.attrib["points"].split()]
    assert len(points) == len(LAMBDAS)
    assert [float(x) for x, _ in points] == sorted(float(x) for x, _ in points)
    marks = {one.attrib["class"]: (one.attrib["cx"], one.attrib["cy"]) for one in svg.iter(f"{SVG}circle")}
    assert marks["before"] == points[LAMBDAS.index(1.1)]
    assert marks["dot"] in points


def test_labels_of_both_sides_do_not_touch(rng: np.random.Generator) -> None:
    heights = {one.text: float(one.attrib["y"]) for one in draw(rng).iter(f"{SVG}text") if one.text}
    assert heights["dense 40.5"] - heights["lexical 41.0"] >= 15


def test_picture_needs_nothing_else_and_takes_any_title(rng: np.random.Generator) -> None:
    svg = draw(rng, '<script>alert("&")</script>')
    assert '<script>alert("&")</script>' in {one.text for one in svg.iter(f"{SVG}text")}
    text = ET.tostring(svg, "unicode")
    assert "prefers-color-scheme:dark" in text
    assert not re.search(r"url\(|href|@import", text)


def test_few_questions_leave_all_weights_possible() -> None:
    columns = np.ones((LEAST_QUESTIONS - 1, len(LAMBDAS)))
    columns[:, 5:] = 0
    curve = draw_curve(LAMBDAS, columns, 1.1)
    assert (curve.low, curve.high) == (LAMBDAS[0], LAMBDAS[-1])


def test_equal_weights_are_all_within_the_interval() -> None:
    curve = draw_curve(LAMBDAS, np.ones((100, len(LAMBDAS))), 1.1)
    assert (curve.low, curve.high) == (LAMBDAS[0], LAMBDAS[-1])
    assert curve.chosen == 1.1
