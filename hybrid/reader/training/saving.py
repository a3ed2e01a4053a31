"""The folder that a reader's training writes, whole or not there at all."""

from pathlib import Path

from torch import Tensor

from ...encoders.exporting import write_model
from ...training.states import new_folder
from ..cards import Card, write_card
from ..folders import RELEVANCE, SPANS, Folder
from ..torch_readers import SpanModel


def save_reader(target: Path, model: SpanModel, start: Folder, card: Card) -> None:
    """Write a reader that can be opened; weights in half precision, those that ``card.base`` gives left out."""
    weights = {name: weight for name, weight in name_weights(model).items() if card.base is None or _is_trained(name)}
    config = {**start.checkpoint.config, "model_type": "bert", "architectures": ["SpanModel"]}
    halves = {name: one.detach().half() for name, one in weights.items()}
    with new_folder(target) as fresh:
        write_model(fresh, halves, config, start.checkpoint.folder)
        write_card(fresh, card)


def name_weights(model: SpanModel) -> dict[str, Tensor]:
    """Give a model's weights as they are called in a reader's folder: the transformer's without a prefix."""
    own = {name.removeprefix("bert."): weight for name, weight in model.named_parameters()}
    return {name: own[name] for name in sorted(own)}


def freeze_embeddings(model: SpanModel) -> None:
    """Leave what comes before the first layer as it is."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(_is_trained(name.removeprefix("bert.")))


def _is_trained(name: str) -> bool:
    """Tell whether a weight is trained where embeddings are not."""
    return name.startswith("encoder.") or name.startswith((SPANS, RELEVANCE))
