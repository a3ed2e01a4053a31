"""From the name of an encoder to the folders of its towers and what is known of it."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelError
from .cards import merge, read_card
from .digests import hash_file
from .places import find_folder, find_local
from .presets import PRESETS, Card, Preset, find_card, find_preset

#: Folders of an encoder with two towers.
QUESTION, PASSAGE = "question", "passage"
_SEPARATOR = ","


@dataclass(frozen=True, slots=True)
class Model:
    """One tower's model: its name, by which it can be found again, and where it lies."""

    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Found:
    """The models that a name means; the same one twice if one tower does both."""

    name: str
    question: Model
    passage: Model
    card: Card


def find(name: str) -> Found:
    """Give what ``name`` means: a preset, two names with a comma between, a folder, or the id of a model."""
    preset = find_preset(name)
    if preset:
        return _find_preset(preset)
    question, comma, passage = (part.strip() for part in name.partition(_SEPARATOR))
    if comma:
        return find_pair(question, passage)
    model = _locate(name)
    towers = [Model(f"{model.name}/{side}", model.folder / side) for side in (QUESTION, PASSAGE)]
    if all(tower.folder.is_dir() for tower in towers):
        return Found(model.folder.name, towers[0], towers[1], read_card(model.folder))
    return Found(_readable(model), model, model, _card_of(model))


def find_pair(question: str, passage: str) -> Found:
    """Give two models as the towers of one encoder."""
    models = _locate(question), _locate(passage)
    return Found(_readable(models[1]), models[0], models[1], _card_of(models[1]))


def _find_preset(preset: Preset) -> Found:
    question, passage = (
        Model(model, find_folder(model, preset.package)) for model in (preset.question_model, preset.passage_model)
    )
    if preset.sha256:
        _verify(passage, preset.sha256)
    one = preset.question_model == preset.passage_model
    name = passage.name if one else next(key for key, value in PRESETS.items() if value is preset)
    return Found(name, question, passage, preset.card)


def _verify(model: Model, wanted: str) -> None:
    path = model.folder / "model.safetensors"
    digest = hash_file(path) if path.is_file() else "nothing"
    if digest != wanted:
        raise ModelError(
            f"The weights of {model.name} in {model.folder} have sha256 {digest}, not {wanted}; install them anew."
        )


def _locate(name: str) -> Model:
    local = find_local(name)
    if local:
        return Model(str(local), local)
    preset = find_preset(name)
    if preset and preset.question_model == preset.passage_model:
        return Model(preset.passage_model, find_folder(preset.passage_model, preset.package))
    if os.path.isfile(os.path.expanduser(name)):
        raise ModelError(
            f"{name} is a file; if it is a checkpoint of the authors' DPR, make a folder of it: hybrid "
            f"convert-encoder {name} FOLDER."
        )
    try:
        return Model(name, find_folder(name))
    except ModelError as error:
        if "/" in name or not name:
            raise
        raise ModelError(f"{name} is no preset ({', '.join(PRESETS)}) and no folder here. {error}") from error


def _readable(model: Model) -> str:
    return model.folder.name if Path(model.name).is_absolute() else model.name


def _card_of(model: Model) -> Card:
    return merge(read_card(model.folder), find_card(model.name))
