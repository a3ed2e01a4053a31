"""The loss of every option and its gradient, against formulas written out here in numpy."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hybrid.encoders.training.losses import compare, count_right, differentiate, find_loss
from hybrid.encoders.training.plan import Plan

Numbers = NDArray[np.float64]
SCALES = {"dot": 1.0, "cosine": 20.0, "l2": 1.0}
#: Two passages of the first question, one of the second, two of the third.
TARGETS = np.array([0, 2, 3])
COUNTS = {
    "all": np.ones((3, 5), dtype=bool),
    "own": np.array([[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 1]], dtype=bool),
    "masked": np.array([[1, 1, 0, 1, 1], [1, 0, 1, 1, 1], [1, 1, 1, 1, 0]], dtype=bool),
}


def similarity(question: Numbers, passage: Numbers, kind: str) -> float:
    if kind == "dot":
        return float(sum(q * p for q, p in zip(question, passage, strict=True)))
    if kind == "cosine":
        lengths = np.sqrt((question**2).sum()) * np.sqrt((passage**2).sum())
        return 20.0 * float((question * passage).sum()) / float(lengths)
    return -float(((question - passage) ** 2).sum())


def formula(questions: Numbers, contexts: Numbers, counts: NDArray[np.bool_], kind: str, loss: str) -> float:
    """Equation 2 of the paper, or the triplet loss, question by question."""
    losses = []
    for row, question in enumerate(questions):
        right = similarity(question, contexts[TARGETS[row]], kind)
        wrong = [
            similarity(question, contexts[column], kind)
            for column in range(len(contexts))
            if counts[row, column] and column != TARGETS[row]
        ]
        if loss == "nll":
            losses.append(-np.log(np.exp(right) / (np.exp(right) + sum(np.exp(one) for one in wrong))))
        else:
            lacks = [max(0.0, 0.5 + one - right) for one in wrong]
            losses.append(sum(lacks) / len(lacks) if lacks else 0.0)
    return float(np.mean(losses))


def slope(questions: Numbers, contexts: Numbers, *rest: Any) -> tuple[Numbers, Numbers]:
    """The gradient by differences."""
    found = np.zeros_like(questions), np.zeros_like(contexts)
    for side, values in enumerate((questions, contexts)):
        for place in np.ndindex(*values.shape):
            ends = []
            for step in (1e-5, -1e-5):
                moved = [questions.copy(), contexts.copy()]
                moved[side][place] += step
                ends.append(formula(moved[0], moved[1], *rest))
            found[side][place] = (ends[0] - ends[1]) / 2e-5
    return found


@pytest.mark.parametrize(("kind", "loss", "which"), [*itertools.product(SCALES, ("nll", "triplet"), COUNTS)])
def test_loss_and_gradient_are_those_of_the_formula(kind: Any, loss: Any, which: str) -> None:
    rng = np.random.default_rng(7)
    questions, contexts = rng.normal(size=(3, 4)), rng.normal(size=(5, 4))
    counts = COUNTS[which]
    options: dict[str, Any] = {"loss": "triplet", "margin": 0.5} if loss == "triplet" else {}
    plan = Plan(similarity=kind, **options)
    made = differentiate(
        torch.tensor(questions), torch.tensor(contexts), torch.tensor(TARGETS), torch.tensor(counts), plan
    )
    assert made.loss == pytest.approx(formula(questions, contexts, counts, kind, loss), rel=1e-6)
    wanted = slope(questions, contexts, counts, kind, loss)
    np.testing.assert_allclose(made.questions, wanted[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(made.contexts, wanted[1], rtol=1e-4, atol=1e-6)


def test_scale_is_that_of_the_plan() -> None:
    rng = np.random.default_rng(1)
    questions, contexts = (torch.tensor(rng.normal(size=(2, 3))) for _ in range(2))
    plain, sharp = (compare(questions, contexts, Plan(similarity="cosine", scale=scale)) for scale in (1.0, 7.0))
    torch.testing.assert_close(sharp, 7 * plain)
    assert float(plain.abs().max()) <= 1.0


def test_question_for_which_nothing_is_wrong_costs_nothing() -> None:
    scores, targets = torch.tensor([[3.0, 9.0]]), torch.tensor([0])
    alone = torch.tensor([[True, False]])
    assert float(find_loss(scores, targets, alone, Plan())) == 0.0
    assert float(find_loss(scores, targets, alone, Plan(loss="triplet"))) == 0.0


def test_right_are_the_questions_whose_passage_is_on_top_of_what_counts() -> None:
    scores = torch.tensor([[3.0, 9.0], [1.0, 2.0]])
    targets = torch.tensor([0, 1])
    assert count_right(scores, targets, torch.ones(2, 2, dtype=torch.bool)) == 1
    assert count_right(scores, targets, torch.tensor([[True, False], [True, True]])) == 2
