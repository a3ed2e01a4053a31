"""What training begins with: another reader, or an encoder that has yet to learn what an answer is."""

import dataclasses

import torch

from ...encoders.checkpoints import read_checkpoint
from ...encoders.finding import find
from ...encoders.weights import Weights
from ...errors import ModelError, UsageError
from ..cards import Card
from ..folders import SPANS, Folder, read_folder
from ..torch_readers import SpanModel, load_bert, load_model


def find_start(name: str, max_length: int) -> Folder:
    """Give the model called ``name``: a reader's folder, or an encoder by preset, folder or id."""
    place = find(name).passage
    checkpoint = read_checkpoint(place.folder)
    if any(one.endswith(f"{SPANS}.weight") for one in Weights(checkpoint.weights).names):
        found = read_folder(place.folder, name)
        if found.kind != "dpr":
            raise UsageError(
                f"{name} scores spans only; train from an encoder, or from a reader that scores passages."
            )
    else:
        if checkpoint.config.get("model_type") not in ("bert", "dpr"):
            raise ModelError(f"A reader is made of BERT; {name} is a {checkpoint.config.get('model_type')} model.")
        found = Folder(name=name, kind="dpr", checkpoint=checkpoint, card=Card())
    card = dataclasses.replace(found.card, max_length=max_length, calibration=None, notes={})
    # A pooling encoder reads fewer tokens than its transformer has learned positions for.
    positions = int(checkpoint.config.get("max_position_embeddings") or checkpoint.max_length)
    longest = dataclasses.replace(found.checkpoint, max_length=positions)
    return dataclasses.replace(found, card=card, checkpoint=longest)


def make_model(start: Folder, seed: int) -> SpanModel:
    """Load the model; what an encoder lacks begins at random."""
    if any(name.endswith(f"{SPANS}.weight") for name in Weights(start.checkpoint.weights).names):
        return load_model(start, "eager")
    model = SpanModel(start.checkpoint.config, "eager")
    load_bert(model.bert, start.checkpoint.weights)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in (model.qa_outputs, model.qa_classifier):
            layer.weight.copy_(0.02 * torch.randn(layer.weight.shape, generator=generator))
            layer.bias.zero_()
    return model
