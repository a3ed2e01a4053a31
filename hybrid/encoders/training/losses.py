"""What an encoder is to learn: right passages are more similar to their questions than wrong ones (§3.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, relu

from .plan import Plan


@dataclass(frozen=True, slots=True, eq=False)
class Slope:
    """A batch's loss, for how many questions the right passage is on top, and the loss's gradient by the vectors."""

    loss: float
    right: int
    questions: Tensor
    contexts: Tensor


def compare(questions: Tensor, contexts: Tensor, plan: Plan) -> Tensor:
    """Give the similarity of every question (row) to every passage (column): dot, scaled cosine, or −‖q − p‖²."""
    if plan.similarity == "cosine":
        return normalize(questions, dim=1) @ normalize(contexts, dim=1).T * plan.sharpness
    products = questions @ contexts.T
    if plan.similarity == "dot":
        return products
    return 2 * products - questions.square().sum(1, keepdim=True) - contexts.square().sum(1)


def find_loss(scores: Tensor, targets: Tensor, counts: Tensor, plan: Plan) -> Tensor:
    """Give the mean loss of the questions: by all that counts for each of them.

    Either minus the log-likelihood of the right passage among the others (equation 2), or the mean over wrong
    passages of how much the right one lacks of being better by a margin.
    """
    if plan.loss == "nll":
        return cross_entropy(scores.masked_fill(~counts, float("-inf")), targets)
    lacks = relu(plan.margin + scores - scores.gather(1, targets[:, None]))
    wrong = counts.scatter(1, targets[:, None], False)
    return ((lacks * wrong).sum(1) / wrong.sum(1).clamp(min=1)).mean()


def count_right(scores: Tensor, targets: Tensor, counts: Tensor) -> int:
    """Count the questions whose right passage is the most similar one of those that count."""
    return int((scores.masked_fill(~counts, float("-inf")).argmax(1) == targets).sum())


def differentiate(questions: Tensor, contexts: Tensor, targets: Tensor, counts: Tensor, plan: Plan) -> Slope:
    """Give the loss of vectors and how it changes with them."""
    leaves = questions.detach().requires_grad_(), contexts.detach().requires_grad_()
    scores = compare(*leaves, plan)
    loss = find_loss(scores, targets, counts, plan)
    by_questions, by_contexts = torch.autograd.grad(loss, leaves)
    return Slope(float(loss.detach()), count_right(scores.detach(), targets, counts), by_questions, by_contexts)
