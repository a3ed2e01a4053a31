"""From a name, or from what a profile says, to an ``Encoder``.

Files are read and hashed; weights are loaded, and torch is imported if it is needed at all, when the first text is
encoded.
"""

import dataclasses

from ..errors import EncoderMismatchError, ModelError, ProfileError, UsageError
from ..profile import Profile
from ..towers import Precision, Template, Tower, is_same_pair, name_pair
from . import l2
from .backends import Means, WantedBackend, WantedPrecision, choose_backend, choose_precision, make_runner
from .cards import merge
from .checkpoints import Checkpoint, read_checkpoint
from .choices import Scale, choose_measure, choose_prior, choose_scale
from .encoder import Encoder, Side
from .finding import Found, Model, find, find_pair
from .hashes import hash_config, hash_tokenizer, hash_weights
from .presets import DPR, Card, Reading
from .tokens import Tokens, is_lowercase


@dataclasses.dataclass(frozen=True, slots=True)
class _Content:
    """What a checkpoint's files amount to; read once where both towers are made of it."""

    weights_sha256: str
    tokenizer_sha256: str
    config_sha256: str
    lowercase: bool


@dataclasses.dataclass(frozen=True, slots=True)
class _Role:
    """What a tower does where neither its files nor a card say so."""

    #: Names of its prompt in the order in which sentence-transformers looks for it.
    prompts: tuple[str, ...]
    template: Template


_QUESTIONS = _Role(("query",), "text")
_PASSAGES = _Role(("document", "passage", "corpus"), "title text")


def load_encoder(
    name: str,
    *,
    scale: Scale = None,
    precision: WantedPrecision = "auto",
    device: str | None = None,
    backend: WantedBackend = "auto",
) -> Encoder:
    """Give the encoder called ``name``.

    ``name`` is a preset, the id of a model, a folder (also one with ``question/`` and ``passage/``), or two of these
    with a comma between, the questions' first. ``scale`` is needed where it is not known; "auto" leaves it open, see
    ``scales``. ``precision`` is that of passages; "auto" is bf16 where torch and the hardware have it. ``device`` is
    ``cpu`` or names GPUs, ``cuda:0,cuda:1``; without it torch uses every GPU, or the processor. ``backend`` is
    "numpy" or "torch"; "auto" takes numpy for questions and torch for passages as far as possible, see ``backends``.
    """
    return _build(find(name), scale, Means(backend=backend, device=device, precision=precision))


def load_for_profile(
    profile: Profile, *, name: str | None = None, device: str | None = None, backend: WantedBackend = "auto"
) -> Encoder:
    """Give the encoder that a profile describes; one that makes other vectors is refused.

    ``name`` says where it is to be found, if not where the profile says. Who only asks questions of BERT or its kin
    never waits for torch.
    """
    question, passage = profile.question_tower, profile.passage_tower
    if question is None or passage is None:
        raise ProfileError(f"The profile of {profile.pair_id} does not say how it encodes; give vectors yourself.")
    found = find(name) if name else _find_towers(question.model, passage.model)
    level = l2.read_level(passage.modules)
    card = Card(
        similarity=profile.similarity if level is None else "l2",
        scale=profile.scale,
        level=level,
        question=describe_reading(question),
        passage=describe_reading(passage),
    )
    # fp32 vectors fit among bf16 ones, so a machine without bf16 can still help.
    means = Means(backend=backend, device=device, precision="fp32" if passage.precision == "fp32" else "auto")
    loaded = _build(dataclasses.replace(found, card=card), None, means, passage.precision)
    if not is_same_pair(loaded.pair_id, profile.pair_id):
        raise EncoderMismatchError(
            f"The index holds vectors of {profile.pair_id}, but {name or found.name} is {loaded.pair_id} now, which "
            "makes others; bring the old model back, or encode the index anew."
        )
    kept = ("pair_id", "scale_source", "sim_prior", "sim_prior_source")
    return dataclasses.replace(loaded, **{field: getattr(profile, field) for field in kept})


def _find_towers(question: str, passage: str) -> Found:
    return find(question) if question == passage else find_pair(question, passage)


def _build(found: Found, scale: Scale, means: Means, written: Precision | None = None) -> Encoder:
    """Put an encoder together; ``written`` is the precision that a profile says already, whatever is computed in."""
    question, passage = read_towers(found)
    card = merge(found.card, DPR) if passage.is_dpr else found.card
    measure = choose_measure(card, question, passage)
    if measure == "l2":
        question, passage = l2.extend(question, passage, card.level)
    known, scale_source = choose_scale(scale, measure, card, found.name)
    prior, prior_source = choose_prior(card, measure, known)
    backends = choose_backend(means, question, bulk=False), choose_backend(means, passage, bulk=True)
    if written is None:
        written = choose_precision(means, backends[1])
        means = dataclasses.replace(means, precision=written)
    questions, passages = describe_towers(found, question, passage, card)
    passages = dataclasses.replace(passages, precision=written)
    runner = make_runner(means, passage, bulk=True)
    # One copy in memory serves both, if it computes both alike; numpy's lies in the system's cache of files anyway.
    shared = question is passage and means.precision == "fp32" and backends == ("torch", "torch")
    asking = runner if shared else make_runner(dataclasses.replace(means, precision="fp32"), question, bulk=False)
    return Encoder(
        pair_id=name_pair(found.name, questions, passages),
        questions=Side(questions, Tokens(question, questions), asking),
        passages=Side(passages, Tokens(passage, passages), runner),
        similarity="cosine" if measure == "cosine" else "dot",
        scale=known,
        scale_source=scale_source,
        sim_prior=prior,
        sim_prior_source=prior_source,
    )


def read_towers(found: Found) -> tuple[Checkpoint, Checkpoint]:
    """Read what the towers are made of; one checkpoint twice where one does both."""
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


def describe_towers(found: Found, question: Checkpoint, passage: Checkpoint, card: Card) -> tuple[Tower, Tower]:
    """Give both towers, reading as the card and their own files say."""
    content = _digest(passage)
    questions = content if question is passage else _digest(question)
    return (
        _describe(found.question, question, questions, card.question, _QUESTIONS),
        _describe(found.passage, passage, content, card.passage, _PASSAGES),
    )


def _read(model: Model) -> Checkpoint:
    try:
        return read_checkpoint(model.folder)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The model in {model.folder} cannot be read: {type(error).__name__} {error}") from error


def _digest(checkpoint: Checkpoint) -> _Content:
    return _Content(
        weights_sha256=hash_weights(checkpoint),
        tokenizer_sha256=hash_tokenizer(checkpoint),
        config_sha256=hash_config(checkpoint),
        lowercase=is_lowercase(checkpoint),
    )


def _describe(model: Model, checkpoint: Checkpoint, content: _Content, reading: Reading, role: _Role) -> Tower:
    own = next((checkpoint.prompts[name] for name in role.prompts if name in checkpoint.prompts), "")
    return Tower(
        model=model.name,
        modules=tuple(step.label for step in checkpoint.steps),
        dimension=checkpoint.dimension,
        prompt=own if reading.prompt is None else reading.prompt,
        template=reading.template or role.template,
        max_length=min(reading.max_length or checkpoint.max_length, checkpoint.max_length),
        straight_quotes=bool(reading.straight_quotes),
        **dataclasses.asdict(content),
    )


def describe_reading(tower: Tower) -> Reading:
    """Give how a tower reads, whatever cards say by now."""
    return Reading(
        prompt=tower.prompt,
        template=tower.template,
        max_length=tower.max_length,
        straight_quotes=tower.straight_quotes,
    )
