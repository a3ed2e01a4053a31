"""Two transformers to train, or one: token ids in, vectors with a gradient out; pooling is that of the encoders."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ...errors import UsageError
from ..checkpoints import Checkpoint
from ..tokens import Ids
from ..torch_models import load_transformer, pad, pool
from .plan import Plan
from .start import Start

Side = Literal["question", "passage"]


class Towers(nn.Module):
    """The towers of an encoder; ``question`` is None where the passages' tower does both."""

    def __init__(self, question: nn.Module | None, passage: nn.Module, start: Start, *, has_bf16: bool):
        super().__init__()
        self.question, self.passage = question, passage
        self._poolings = {"question": start.question.steps[0].label, "passage": start.passage.steps[0].label}
        self._blanks = {"question": _find_blank(start.question), "passage": _find_blank(start.passage)}
        self._has_bf16 = has_bf16
        #: Numbers in a vector.
        self.dimension = start.passage.dimension

    @property
    def device(self) -> torch.device:
        """Where the towers are."""
        return next(self.passage.parameters()).device

    def get(self, side: Side) -> nn.Module:
        """Give the transformer of one side."""
        return self.question if side == "question" and self.question is not None else self.passage

    def forward(self, side: Side, texts: Sequence[Ids]) -> Tensor:
        """Give the vectors of texts (n, numbers), in fp32."""
        ids, mask = (one.to(self.device) for one in pad(texts, self._blanks[side]))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._has_bf16):
            hidden = self.get(side)(input_ids=ids, attention_mask=mask).last_hidden_state
        return pool(hidden.float(), mask, self._poolings[side])


def load_towers(start: Start, plan: Plan, *, has_bf16: bool) -> Towers:
    """Load the towers; the last layers begin at random where that is planned, both sides' alike."""
    passage = _load(start.passage, plan)
    question = None if plan.towers == 1 else _load(start.question, plan)
    return Towers(question, passage, start, has_bf16=has_bf16)


def _load(checkpoint: Checkpoint, plan: Plan) -> nn.Module:
    # What torch fuses differs with and without a gradient; computed step by step, both passes give the same.
    model = load_transformer(checkpoint, torch.float32, "eager")
    if getattr(model, "pooler", None) is not None:
        # Not on the way to the vector.
        model.pooler = None  # type: ignore[assignment]
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = plan.dropout
    if plan.reinit_layers:
        _reinit(model, plan)
    return model


def _reinit(model: nn.Module, plan: Plan) -> None:
    layers = _list_layers(model)
    if plan.reinit_layers > len(layers):
        raise UsageError(f"reinit_layers is {plan.reinit_layers}, and the model has {len(layers)} layers.")
    generator = torch.Generator().manual_seed(plan.seed)
    spread = float(getattr(model.config, "initializer_range", 0.02))
    with torch.no_grad():
        for layer in layers[-plan.reinit_layers :]:
            for module in layer.modules():
                _reset(module, spread, generator)


def _reset(module: nn.Module, spread: float, generator: torch.Generator) -> None:
    """Begin a module as BERT begins it."""
    if isinstance(module, nn.Linear):
        module.weight.copy_(spread * torch.randn(module.weight.shape, generator=generator))
    elif isinstance(module, nn.LayerNorm):
        module.weight.fill_(1.0)
    if isinstance(module, nn.Linear | nn.LayerNorm) and module.bias is not None:
        module.bias.zero_()


def _list_layers(model: nn.Module) -> list[nn.Module]:
    """Give the transformer's layers: the longest list of modules that it has."""
    lists = [list(one) for one in model.modules() if isinstance(one, nn.ModuleList)]
    return max(lists, key=len, default=[])


def _find_blank(checkpoint: Checkpoint) -> int:
    return int(checkpoint.config.get("pad_token_id") or 0)
