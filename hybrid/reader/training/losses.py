"""What a reader is to learn, as numbers: which passage holds the answer, and where the answer stands in it (§6.2)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from .inputs import Group


def group_loss(relevance: Tensor, scores: Tensor, group: Group) -> Tensor:
    """Give one question's loss; rows are its passages, the right one first.

    Minus the log-likelihood of the right passage among all, and minus the marginal log-likelihood of all places of an
    answer: a place's probability is that of its start times that of its end among the tokens of the passage's text.
    """
    right = -log_softmax(relevance, dim=0)[0]
    own = group.inputs[0]
    chances = log_softmax(scores[0, own.begin : own.end], dim=0)
    firsts, lasts = (
        torch.tensor(places, device=scores.device) - own.begin for places in zip(*group.places, strict=True)
    )
    return right - torch.logsumexp(chances[firsts, 0] + chances[lasts, 1], dim=0)


def retriever_loss(scores: Tensor, right: Tensor) -> Tensor:
    """Give minus the log-likelihood of the passages that hold an answer among all passages of a step (appendix D).

    ``scores`` and ``right`` have a row a question and a column a passage; a question that no passage answers says
    nothing.
    """
    asked = right.any(dim=1)
    if not asked.any():
        return scores.sum() * 0
    chances = log_softmax(scores[asked], dim=1).masked_fill(~right[asked], float("-inf"))
    return -torch.logsumexp(chances, dim=1).mean()


def batch_loss(relevance: Tensor, scores: Tensor, groups: Sequence[Group]) -> Tensor:
    """Give the mean of several questions' losses, whose passages lie one after the other."""
    losses, start = [], 0
    for group in groups:
        rows = slice(start, start + len(group.inputs))
        losses.append(group_loss(relevance[rows], scores[rows], group))
        start = rows.stop
    return torch.stack(losses).mean()
