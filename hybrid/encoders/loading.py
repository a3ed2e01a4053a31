"""From a name, or from what a profile says, to an ``Encoder``.

Files are read and hashed; weights are loaded when the first text is encoded.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal, get_args

from ..errors import EncoderMismatchError, ModelError, ProfileError, UsageError
from ..profile import Profile
from ..towers import Precision, Template, Tower, is_same_pair, name_pair
from .cards import merge
from .checkpoints import Checkpoint, read_checkpoint
from .choices import Scale, choose_prior, choose_scale, choose_similarity
from .encoder import Encoder, Side
from .finding import Found, Model, find, find_pair
from .hashes import hash_config, hash_tokenizer, hash_weights
from .machine import cpu_has_bf16
from .places import need_library
from .presets import DPR, Card, Reading
from .running import Forward, Runner
from .tokens import Tokens, is_lowercase

Wanted = Precision | Literal["auto"]


@dataclasses.dataclass(frozen=True, slots=True)
class _Role:
    """What a tower does where neither its files nor a card say so."""

    #: Names of its prompt in the order in which sentence-transformers looks for it.
    prompts: tuple[str, ...]
    template: Template


_QUESTIONS = _Role(("query",), "text")
_PASSAGES = _Role(("document", "passage", "corpus"), "title text")


def load_encoder(name: str, *, scale: Scale = None, precision: Wanted = "auto", device: str | None = None) -> Encoder:
    """Give the encoder called ``name``.

    ``name`` is a preset, the id of a model, a folder (also one with ``question/`` and ``passage/``), or two of these
    with a comma between, the questions' first. ``scale`` is needed where it is not known; "auto" leaves it open, see
    ``scales``. ``precision`` is that of passages; "auto" is bf16 where the hardware has it. ``device`` is ``cpu`` or
    names GPUs, ``cuda:0,cuda:1``; without it every GPU is used, or the processor.
    """
    need_library("torch", "Encoding text")
    return _build(find(name), scale, _choose_precision(precision, device), device)


def load_for_profile(profile: Profile, *, name: str | None = None, device: str | None = None) -> Encoder:
    """Give the encoder that a profile describes; one that makes other vectors is refused.

    ``name`` says where it is to be found, if not where the profile says.
    """
    question, passage = profile.question_tower, profile.passage_tower
    if question is None or passage is None:
        raise ProfileError(f"The profile of {profile.pair_id} does not say how it encodes; give vectors yourself.")
    need_library("torch", "Encoding text")
    found = find(name) if name else _find_towers(question.model, passage.model)
    card = Card(similarity=profile.similarity, scale=profile.scale, question=_told(question), passage=_told(passage))
    # fp32 vectors fit among bf16 ones, so a machine without bf16 can still help.
    precision = _choose_precision("auto", device) if passage.precision == "bf16" else "fp32"
    loaded = _build(dataclasses.replace(found, card=card), None, precision, device)
    if not is_same_pair(loaded.pair_id, profile.pair_id):
        raise EncoderMismatchError(
            f"The index holds vectors of {profile.pair_id}, but {name or found.name} is {loaded.pair_id} now, which "
            "makes others; bring the old model back, or encode the index anew."
        )
    kept = ("pair_id", "scale_source", "sim_prior", "sim_prior_source")
    return dataclasses.replace(loaded, **{field: getattr(profile, field) for field in kept})


def _find_towers(question: str, passage: str) -> Found:
    return find(question) if question == passage else find_pair(question, passage)


def _build(found: Found, scale: Scale, precision: Precision, device: str | None) -> Encoder:
    question, passage = _read_both(found)
    card = merge(found.card, DPR) if passage.is_dpr else found.card
    similarity = choose_similarity(card, question, passage)
    known, scale_source = choose_scale(scale, similarity, card, found.name)
    prior, prior_source = choose_prior(card, similarity, known)
    questions = _describe(found.question, question, card.question, _QUESTIONS, "fp32")
    passages = _describe(found.passage, passage, card.passage, _PASSAGES, precision)
    runner = _runner(passage, precision, device)
    shared = question is passage and precision == "fp32"
    return Encoder(
        pair_id=name_pair(found.name, questions, passages),
        questions=Side(
            questions, Tokens(question, questions), runner if shared else _runner(question, "fp32", device, most=1)
        ),
        passages=Side(passages, Tokens(passage, passages), runner),
        similarity=similarity,
        scale=known,
        scale_source=scale_source,
        sim_prior=prior,
        sim_prior_source=prior_source,
    )


def _read_both(found: Found) -> tuple[Checkpoint, Checkpoint]:
    passage = _read(found.passage)
    if found.question == found.passage:
        if passage.is_dpr:
            raise UsageError(
                f"{found.name} is one tower of a pair; name both, the questions' first: QUESTION,PASSAGE."
            )
        return passage, passage
    question = _read(found.question)
    if question.dimension != passage.dimension:
        raise ModelError(
            f"{found.question.name} makes vectors of {question.dimension} numbers, {found.passage.name} of "
            f"{passage.dimension}; they are no pair."
        )
    return question, passage


def _read(model: Model) -> Checkpoint:
    try:
        return read_checkpoint(model.folder)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The model in {model.folder} cannot be read: {type(error).__name__} {error}") from error


def _describe(model: Model, checkpoint: Checkpoint, reading: Reading, role: _Role, precision: Precision) -> Tower:
    own = next((checkpoint.prompts[name] for name in role.prompts if name in checkpoint.prompts), "")
    return Tower(
        model=model.name,
        weights_sha256=hash_weights(checkpoint),
        tokenizer_sha256=hash_tokenizer(checkpoint),
        config_sha256=hash_config(checkpoint),
        modules=tuple(step.label for step in checkpoint.steps),
        dimension=checkpoint.dimension,
        prompt=own if reading.prompt is None else reading.prompt,
        template=reading.template or role.template,
        max_length=min(reading.max_length or checkpoint.max_length, checkpoint.max_length),
        lowercase=is_lowercase(checkpoint),
        straight_quotes=bool(reading.straight_quotes),
        precision=precision,
    )


def _told(tower: Tower) -> Reading:
    """Read a tower as its profile says, whatever cards say by now."""
    return Reading(
        prompt=tower.prompt,
        template=tower.template,
        max_length=tower.max_length,
        straight_quotes=tower.straight_quotes,
    )


def _runner(checkpoint: Checkpoint, precision: Precision, device: str | None, most: int | None = None) -> Runner:
    def open_copies() -> Sequence[Forward]:
        from .torch_models import find_devices, open_models

        return open_models(checkpoint, precision, find_devices(device)[:most])

    return Runner(open_copies)


def _choose_precision(wanted: Wanted, device: str | None) -> Precision:
    """Give bf16 where every device multiplies it, unless something else is wanted."""
    if wanted not in (*get_args(Precision), "auto"):
        raise UsageError(f"The precision {wanted!r} is none of fp32, bf16 and auto.")
    if wanted != "auto":
        return wanted
    if device == "cpu":
        return "bf16" if cpu_has_bf16() else "fp32"
    from .torch_models import device_has_bf16, find_devices

    fit = all(cpu_has_bf16() if name == "cpu" else device_has_bf16(name) for name in find_devices(device))
    return "bf16" if fit else "fp32"
