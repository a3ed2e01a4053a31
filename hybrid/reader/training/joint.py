"""Joint training: the questions' tower of an index's encoder learns along with the reader (appendix D).

Passages keep the vectors that the index holds, so it need not be encoded anew. What a question is to be near to are
those of its best passages by sim that hold an answer, among the best passages of all questions of a step. These are
found once, before training; the paper asks its index at every step.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from ...encoders import l2
from ...encoders.encoder import Encoder
from ...encoders.exporting import TowerModel, export_encoder
from ...encoders.finding import find
from ...encoders.loading import describe_reading, load_for_profile
from ...encoders.presets import Card
from ...encoders.torch_models import load_transformer, pad, pool
from ...engines.contract import Index
from ...errors import ModelError, UsageError
from ...training.states import name_data
from .examples import Example, Source, make_matcher, spell_answers
from .losses import retriever_loss

#: Best passages that the reader's are chosen from: with an answer, and without.
POSITIVES, NEGATIVES = 5, 30
#: Questions that go to an index together.
_BATCH = 64
#: Steps after the transformer that leave a gradient here.
_KNOWN = frozenset({"pool", "normalize", l2.QUESTION})

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Vectors of passages as the index holds them, and which of them were found for each example."""

    vectors: Vectors
    rows: tuple[NDArray[np.int64], ...]
    #: Which of the rows hold an answer.
    right: tuple[NDArray[np.bool_], ...]

    def compare(self, questions: Tensor, numbers: Sequence[int]) -> Tensor:
        """Give the loss of examples' questions against all that was found for any of them."""
        columns = np.unique(np.concatenate([self.rows[number] for number in numbers]))
        right = np.zeros((len(numbers), len(columns)), dtype=np.bool_)
        for place, number in enumerate(numbers):
            right[place, np.searchsorted(columns, self.rows[number][self.right[number]])] = True
        with torch.autocast(questions.device.type, enabled=False):
            passages = torch.from_numpy(self.vectors[columns]).to(questions.device)
            return retriever_loss(questions.float() @ passages.T, torch.from_numpy(right).to(questions.device))


class QuestionTower(nn.Module):
    """An encoder's questions' tower, with a gradient: questions in, vectors out as the index compares them."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        checkpoint = encoder.questions.tokens.checkpoint
        unknown = [step.label for step in checkpoint.steps if step.kind not in _KNOWN]
        if unknown:
            raise ModelError(
                f"{encoder.pair_id} has {', '.join(unknown)} after pooling, which hybrid does not train."
            )
        self.transformer = load_transformer(checkpoint, torch.float32, "eager")
        if getattr(self.transformer, "pooler", None) is not None:
            # Not on the way to the vector.
            self.transformer.pooler = None  # type: ignore[assignment]
        self._encoder, self._steps = encoder, checkpoint.steps
        self._blank = int(checkpoint.config.get("pad_token_id") or 0)

    def forward(self, questions: Sequence[str]) -> Tensor:
        """Give one vector a question (n, numbers), in fp32."""
        device = next(self.transformer.parameters()).device
        read = self._encoder.questions.tokens.read([("", question) for question in questions])
        ids, mask = (one.to(device) for one in pad(read, self._blank))
        hidden = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state
        with torch.autocast(device.type, enabled=False):
            vectors = pool(hidden.float(), mask, self._steps[0].label)
            for step in self._steps[1:]:
                vectors = normalize(vectors) if step.kind == "normalize" else _extend(vectors, step.level)
            return vectors if self._encoder.similarity == "dot" else normalize(vectors) * (self._encoder.scale or 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """What joint training takes besides a reader's: an index's encoder, the passages found, and where to write."""

    encoder: Encoder
    candidates: Candidates
    target: Path
    #: Tells this from other joint trainings.
    name: str

    def make_tower(self) -> QuestionTower:
        """Load the tower as it is before training."""
        return QuestionTower(self.encoder)

    def save(self, tower: QuestionTower, target: Path) -> None:
        """Write the encoder with the questions' tower as it is now, and that of the passages as it was."""
        questions, passages = self.encoder.questions, self.encoder.passages
        level = l2.read_level(passages.tower.modules)
        card = Card(
            similarity=self.encoder.similarity if level is None else "l2",
            scale=self.encoder.scale,
            level=level,
            question=describe_reading(questions.tower),
            passage=describe_reading(passages.tower),
            sim_prior=self.encoder.sim_prior,
        )
        model = TowerModel(tower.transformer.state_dict(), questions.tokens.checkpoint)
        export_encoder(target, model, find(passages.tower.model).passage.folder, card)


def prepare_joint(
    index: Index, examples: Sequence[Example], k: int, target: Path, device: str | None = None
) -> tuple[list[Example], Joint]:
    """Ask an index for the best ``k`` passages by sim of every example; they are also what the reader reads.

    An example for whose question no passage with an answer is found keeps its own for the reader.
    """
    encoder = load_for_profile(index.profile, device=device)
    asked, found = [], []
    for example, rows in _retrieve(index, examples, k):
        right = [hit for hit in rows if hit.holds]
        wrong = [hit.source for hit in rows if not hit.holds]
        positives = tuple(hit.source for hit in right[:POSITIVES]) or example.positives
        changed = replace(example, positives=positives, negatives=tuple(wrong[:NEGATIVES]))
        asked.append(replace(changed, answers=spell_answers(changed)))
        found.append(rows)
    places = {one: place for place, one in enumerate(sorted({hit.id for rows in found for hit in rows}))}
    if not any(hit.holds for rows in found for hit in rows):
        raise UsageError(
            "No passage with an answer is found for any question by its vector; ask for more by --found."
        )
    candidates = Candidates(
        _read_vectors(index, places),
        tuple(np.array([places[hit.id] for hit in rows], dtype=np.int64) for rows in found),
        tuple(np.array([hit.holds for hit in rows], dtype=np.bool_) for rows in found),
    )
    return asked, Joint(encoder, candidates, target, f"{encoder.pair_id} {_digest(candidates)}")


@dataclass(frozen=True, slots=True)
class _Found:
    """A passage that was found for a question."""

    id: str
    source: Source
    #: Whether it holds an answer.
    holds: bool


def _retrieve(index: Index, examples: Sequence[Example], k: int) -> Iterator[tuple[Example, list[_Found]]]:
    for start in range(0, len(examples), _BATCH):
        some = examples[start : start + _BATCH]
        results = index.search_many([one.question for one in some], mode="dense", k=k)
        for example, result in zip(some, results, strict=True):
            matcher = make_matcher(example)
            yield (
                example,
                [_Found(hit.id, Source(hit.title, hit.text), matcher.matches(hit.text)) for hit in result.hits],
            )


def _read_vectors(index: Index, places: dict[str, int]) -> Vectors:
    """Take the vectors of passages from the index, each to its place."""
    vectors = np.zeros((len(places), index.profile.dimension), dtype=np.float32)
    missing = set(places)
    for page in index.scan():
        for passage in page:
            if passage.id in missing and passage.vector is not None:
                vectors[places[passage.id]] = passage.vector
                missing.remove(passage.id)
        if not missing:
            return vectors
    raise UsageError(f"{len(missing)} passages were changed while the index was read; try again.")


def _digest(candidates: Candidates) -> str:
    digest = hashlib.sha256(candidates.vectors.tobytes())
    digest.update(name_data(one.tolist() for one in (*candidates.rows, *candidates.right)).encode())
    return digest.hexdigest()


def _extend(questions: Tensor, level: float) -> Tensor:
    """Do what ``l2.extend_questions`` does, with a gradient."""
    return torch.cat([2 * questions, questions.new_full((len(questions), 1), -l2.find_root(level))], dim=1)
