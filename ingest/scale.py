"""``--scale auto``: what an encoder's cosines must be multiplied by, found out from the text of the index itself.

Questions, each with its best passages by BM25, are encoded by the encoder and by MiniLM, whose scale is known. At
the scale that is found the encoder's sims spread as MiniLM's do, so that λ means the same beside BM25. How far they
spread depends on the text and on the questions (MiniLM's from 5.0 to 8.0), so both are measured on the same ones.
"""

import dataclasses
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid.encoders import Encoder, Sample, find_scale, fit_prior, load_encoder
from hybrid.encoders.scales import SAMPLE_DEPTH
from hybrid.engines.contract import Index, Intake
from hybrid.errors import UsageError
from hybrid.fusion import MAX_SHIFT, lift, shift
from hybrid.isolate import encode_each
from hybrid.passages import Hit, Passage
from hybrid.profile import PROVISIONAL, Profile

REFERENCE = "minilm"
#: Questions of a sample.
QUESTIONS = 50
#: Words of a question that is made of a passage: as many as real ones have, so that BM25 is as high.
WORDS = 10
_SEED = 20201116
_MAX_CHARS = 100
_FOUND = ("scale", "scale_source", "sim_prior", "sim_prior_source")
_SENTENCES = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its best passages by BM25."""

    question: str
    hits: Sequence[Hit]


def settle_scale(
    index: Index, intake: Intake, encoder: Encoder, asked: Path | None, tell: Callable[[str], None]
) -> None:
    """Find the scale of ``encoder`` and write it into the profile; an index without text has nothing to find."""
    found = scale_beside(index, intake, encoder, asked, tell)
    if found is None:
        return
    settled = found.make_profile()

    def change(profile: Profile) -> Profile:
        # Another process may have been quicker, and may have written vectors since.
        if profile.scale_source != PROVISIONAL:
            return profile
        return dataclasses.replace(profile, **{name: getattr(settled, name) for name in _FOUND})

    intake.change_profile(change)


def scale_beside(
    index: Index, intake: Intake, encoder: Encoder, asked: Path | None, tell: Callable[[str], None]
) -> Encoder | None:
    """Give ``encoder`` with the scale that it wants beside BM25 on the text of an index; None if there is no text."""
    questions = read_asked(asked) if asked else make_questions(intake.sample(QUESTIONS))
    if not questions:
        return None
    sample = [ask(index, encoder, question, own) for question, own in questions]
    tell(
        f"finding the scale: {_count_passages(sample):,} passages of {len(sample)} questions are encoded by "
        f"{encoder.pair_id} and by {REFERENCE}"
    )
    samples = take_samples(encoder, sample)
    scale = find_scale(samples) / find_scale(take_samples(load_encoder(REFERENCE), sample))
    prior = fit_prior(samples, scale)
    scaled = encoder.with_scale(scale, "auto", prior)
    if shift(intake.profile.lam, lift(scale, scaled.make_profile().max_norm, prior)) > MAX_SHIFT:
        raise UsageError(
            f"The encoder finds the passages of the sample so much alike that its scale would be {scale:.4g}, beside "
            "which BM25 is lost; say --scale X."
        )
    tell(f"the scale is {scale:.4g}")
    return scaled


def give_scale(intake: Intake, scale: float) -> None:
    """Write a scale that a person knows into the profile of an index that waits for one."""
    intake.change_profile(lambda profile: dataclasses.replace(profile, scale=scale, scale_source="given"))


def read_asked(path: Path) -> list[tuple[str, str | None]]:
    """Give questions of a file, at most ``QUESTIONS``."""
    from hybrid.evaluation.sources import read_questions

    texts = [question.text for question in read_questions(path).questions]
    if not texts:
        raise UsageError(f"{path} holds no questions.")
    chosen = random.Random(_SEED).sample(texts, min(QUESTIONS, len(texts)))  # noqa: S311 - a sample, no secret
    return [(text, None) for text in chosen]


def make_questions(passages: Sequence[Passage]) -> list[tuple[str, str | None]]:
    """Make a question of each passage, the beginning of one of its sentences; gives the passage's id with it."""
    chance = random.Random(_SEED)  # noqa: S311 - a sample, no secret
    return [(_begin(chance.choice(_SENTENCES.split(one.text))), one.id) for one in passages]


def ask(index: Index, encoder: Encoder, question: str, own: str | None) -> Asked:
    """Find a question's best passages by BM25; the one that it was made of would find itself."""
    # An index of this very encoder needs no second one for its questions.
    own_vector = encoder.encode_questions([question])[0] if index.profile.pair_id == encoder.pair_id else None
    result = index.search(question, mode="lexical", vector=own_vector, k=SAMPLE_DEPTH)
    return Asked(question, [hit for hit in result.hits if hit.bm25 > 0 and hit.id != own])


def take_samples(encoder: Encoder, sample: Sequence[Asked]) -> list[Sample]:
    """Give BM25 and sim of each question's passages; passages that the encoder cannot read are left out."""
    pairs = list(dict.fromkeys((hit.title, hit.text) for one in sample for hit in one.hits))
    vectors = dict(zip(pairs, encode_each(encoder.encode_passages, pairs), strict=True))
    questions = encoder.encode_questions([one.question for one in sample])
    samples = []
    for one, question in zip(sample, questions, strict=True):
        read = [(hit.bm25, vectors[hit.title, hit.text]) for hit in one.hits]
        kept = [(bm25, float(np.dot(question, vector))) for bm25, vector in read if not isinstance(vector, str)]
        samples.append(Sample([bm25 for bm25, _ in kept], [sim for _, sim in kept]))
    return samples


def _count_passages(sample: Sequence[Asked]) -> int:
    return len({hit.id for one in sample for hit in one.hits})


def _begin(sentence: str) -> str:
    return " ".join(sentence.split()[:WORDS])[:_MAX_CHARS]
