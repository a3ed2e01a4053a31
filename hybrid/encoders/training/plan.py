"""What decides the outcome of training besides the data: the ``Plan``, whose defaults are the paper's."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ...errors import UsageError
from ...towers import Template
from ..presets import Measure
from ..steps import POOLINGS

Loss = Literal["nll", "triplet"]
KeepBy = Literal["average_rank", "top1", "top5", "top20", "top100"]

#: Karpukhin et al. 2020, §5: in-batch negatives in batches of 128 and one more by BM25, 40 epochs for large sets (100
#: for small ones), Adam at 1e-5 with a linear schedule and warm-up, dropout of 0.1.
BATCH = 128
HARD_NEGATIVES = 1
EPOCHS = 40
LR = 1e-5
DROPOUT = 0.1
#: The authors' code: 1,237 of the 18,400 steps that 58,880 questions of NQ make, and inputs of 256 tokens.
WARMUP = 0.067
MAX_LENGTH = 256
MARGIN = 1.0
#: sentence-transformers' own training scripts: cosine times 20.
COSINE_SCALE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to train."""

    epochs: int = EPOCHS
    #: Questions of a step.
    batch: int = BATCH
    #: Passages that a question brings along besides its right one: hard negatives, which ``negatives`` stand in for
    #: where a row has too few, and other negatives.
    hard_negatives: int = HARD_NEGATIVES
    negatives: int = 0
    #: Whether the passages of all other questions of the batch are negatives as well.
    in_batch: bool = True
    #: Whether those hold back that are right for a question, as far as one can tell; the paper masks nothing.
    mask_false_negatives: bool = True
    #: Whether any right passage is taken, instead of the first.
    shuffle_positives: bool = False
    loss: Loss = "nll"
    #: Of the triplet loss: how much better the right passage is to score.
    margin: float = MARGIN
    similarity: Measure = "dot"
    #: What cosines are multiplied by: 1 / temperature; None is ``COSINE_SCALE``.
    scale: float | None = None
    #: 2 for questions and passages apart, 1 for both.
    towers: int = 2
    #: How vectors come from those of tokens, and titles before texts; None leaves it as it is.
    pooling: str | None = None
    template: Template | None = None
    #: Tokens of an input, at most; longer ones are cut.
    max_length: int = MAX_LENGTH
    lr: float = LR
    #: Share of the steps in which the learning rate grows.
    warmup: float = WARMUP
    dropout: float = DROPOUT
    #: Last layers of the transformer that begin at random.
    reinit_layers: int = 0
    precision: str = "auto"
    #: Padded tokens whose computation is kept in memory at once; a larger batch is computed twice, in parts, with the
    #: same outcome. Fewer than a part has (``caching``) make parts smaller, so that dropout draws other numbers. None
    #: is what most machines have room for.
    chunk_tokens: int | None = None
    #: By which figure of the questions to judge by the best epoch is kept.
    keep_by: KeepBy = "average_rank"
    save_every: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        for rule, complaint in self._rules():
            if not rule:
                raise UsageError(f"{complaint}.")

    def _rules(self) -> list[tuple[bool, str]]:
        counts = {name: getattr(self, name) for name in ("batch", "max_length", "save_every")}
        none_or_more = {
            name: getattr(self, name) for name in ("epochs", "hard_negatives", "negatives", "reinit_layers")
        }
        return [
            *((value >= 1, f"{name} is {value}; say 1 or more") for name, value in counts.items()),
            *((value >= 0, f"{name} is {value}; say 0 or more") for name, value in none_or_more.items()),
            (self.chunk_tokens is None or self.chunk_tokens >= 1, "chunk_tokens is to be 1 or more"),
            (0 <= self.warmup < 1 and 0 <= self.dropout < 1, "warmup and dropout are to be from 0 to below 1"),
            (self.lr > 0 and self.margin > 0, "lr and margin are to be above 0"),
            (self.loss == "triplet" or self.margin == MARGIN, "a margin is of the triplet loss only; leave it out"),
            (self.towers in (1, 2), f"an encoder has 1 or 2 towers, not {self.towers}"),
            (self.loss in get_args(Loss), f"the loss {self.loss!r} is none of {', '.join(get_args(Loss))}"),
            (self.similarity in ("dot", "cosine", "l2"), f"{self.similarity!r} is none of dot, cosine and l2"),
            (
                self.scale is None or (self.similarity == "cosine" and self.scale > 0),
                "a scale is above 0, and for cosine only; leave it out",
            ),
            (
                self.pooling is None or _are_poolings(self.pooling.split("+")),
                f"the pooling {self.pooling!r} is none of {', '.join(POOLINGS)}, nor several of them joined by +",
            ),
            (
                self.template is None or self.template in get_args(Template),
                f"the template {self.template!r} is none of {', '.join(get_args(Template))}",
            ),
            (self.keep_by in get_args(KeepBy), f"{self.keep_by!r} is none of {', '.join(get_args(KeepBy))}"),
            (
                not self.is_alone or self.hard_negatives + self.negatives > 0,
                "no question would have a passage that is wrong for it, so there would be nothing to learn: take "
                "larger batches, negatives from the batch, or hard negatives",
            ),
        ]

    def name_outcome(self) -> dict[str, Any]:
        """Give what decides the outcome: all but what only costs memory or time."""
        return {
            name: one for name, one in dataclasses.asdict(self).items() if name not in ("chunk_tokens", "save_every")
        }

    def advise(self, chunk: int) -> str:
        """Say what takes less memory where so many padded tokens at once are too many."""
        if chunk > self.max_length:
            return f"give the same command with --chunk-tokens {max(self.max_length, chunk // 2)}"
        return "inputs go through one by one already: begin with a smaller model, or with a smaller --max-length"

    @property
    def is_alone(self) -> bool:
        """Whether each question has its own passages only."""
        return self.batch == 1 or not self.in_batch

    @property
    def sharpness(self) -> float:
        """What similarities are multiplied by."""
        return (self.scale or COSINE_SCALE) if self.similarity == "cosine" else 1.0


def _are_poolings(names: list[str]) -> bool:
    return set(names) <= set(POOLINGS) and len(set(names)) == len(names)
