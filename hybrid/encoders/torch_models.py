"""Token ids in, vectors out, by torch: the transformer through transformers, pooling here.

Token types are all 0 and the mask is what is not padding. Weights are kept in the tower's precision, which on
processors is faster than casting them for every product; what follows the transformer runs in fp32, and what follows
pooling in numpy.
"""

import contextlib
import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ModelError, UsageError
from ..towers import Precision
from . import batching
from .checkpoints import Checkpoint
from .head import Head
from .machine import count_cpus
from .pooling import MAX, weigh
from .running import Vectors
from .tokens import Ids
from .weights import Weights

#: Words in torch's complaint about a processor's memory, which has no class of its own.
_NO_MEMORY = ("can't allocate memory", "not enough memory")
#: Weights that a checkpoint may lack: they are not on the way to the vector, or are copies of others.
_DISPENSABLE = ("pooler.", "position_ids")
#: Encoder–decoder models of which only the encoder is wanted.
_ENCODER_CLASSES = {"mt5": "MT5EncoderModel", "t5": "T5EncoderModel", "umt5": "UMT5EncoderModel"}


class TorchModel:
    """One copy of a model on one device."""

    def __init__(self, transformer: nn.Module, checkpoint: Checkpoint, device: str):
        self._device = torch.device(device)
        self._transformer = transformer.to(self._device)
        self._pooling = checkpoint.steps[0].label
        self._head = Head(checkpoint.steps[1:])
        self._pad = int(checkpoint.config.get("pad_token_id") or 0)
        self.dimension = checkpoint.dimension
        self.budget = batching.CPU_TOKENS if self._device.type == "cpu" else batching.GPU_TOKENS

    def compute(self, batch: Sequence[Ids]) -> Vectors:
        """Give one vector a text, in fp32; MemoryError where the batch is too large."""
        with memory_errors(), torch.inference_mode():
            pooled: Vectors = self._compute(batch).cpu().numpy()
        return self._head.apply(pooled)

    def _compute(self, batch: Sequence[Ids]) -> Tensor:
        ids, mask = (one.to(self._device) for one in pad(batch, self._pad))
        hidden = self._transformer(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        return pool(hidden, mask, self._pooling)


def open_models(checkpoint: Checkpoint, precision: Precision, devices: Sequence[str]) -> list[TorchModel]:
    """Load a model once and put a copy on every device."""
    if "cpu" in devices:
        # Torch counts the machine's processors, also those that a container may not use.
        torch.set_num_threads(min(torch.get_num_threads(), count_cpus()))
    transformer = load_transformer(checkpoint, torch.bfloat16 if precision == "bf16" else torch.float32).eval()
    copies = [transformer, *(copy.deepcopy(transformer) for _ in devices[1:])]
    return [TorchModel(one, checkpoint, device) for one, device in zip(copies, devices, strict=True)]


def find_devices(wanted: str | None) -> list[str]:
    """Give the devices to use: those named (``cuda:0,cuda:1``), else every GPU, else the processor."""
    if wanted is None:
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["cpu"]
    devices = [name.strip() for name in wanted.split(",")]
    for name in devices:
        try:
            torch.empty(1, device=name)
        except Exception as error:
            raise UsageError(f"There is no device {name} here; say cpu, cuda, cuda:1 or cuda:0,cuda:1.") from error
    return devices


def device_has_bf16(device: str) -> bool:
    """Tell whether a GPU multiplies bf16 numbers."""
    return torch.device(device).type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def pad(batch: Sequence[Ids], blank: int) -> tuple[Tensor, Tensor]:
    """Give ids and mask, every text filled up to the longest."""
    shape = len(batch), max(map(len, batch))
    ids = np.full(shape, blank, dtype=np.int64)
    mask = np.zeros(shape, dtype=np.int64)
    for row, one in enumerate(batch):
        ids[row, : len(one)] = one
        mask[row, : len(one)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Turn what torch says where a batch is too large into a MemoryError."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise MemoryError(str(error)) from error
    except RuntimeError as error:
        if any(words in str(error) for words in _NO_MEMORY):
            raise MemoryError(str(error)) from error
        raise


def pool(hidden: Tensor, mask: Tensor, modes: str) -> Tensor:
    """Give texts' vectors from those of their tokens (n, tokens, numbers); ``modes`` are joined by +."""
    lengths = mask.sum(dim=1).tolist()
    return torch.cat([_pool(hidden, mask, lengths, mode) for mode in modes.split("+")], dim=-1)


def load_transformer(checkpoint: Checkpoint, dtype: torch.dtype, attention: str | None = None) -> nn.Module:
    """Load what stands before pooling; ``attention`` is transformers' name of a way to compute it."""
    import transformers

    kind = str(checkpoint.config.get("model_type"))
    name = _dpr_class(checkpoint) if checkpoint.is_dpr else _ENCODER_CLASSES.get(kind, "AutoModel")
    with quiet():
        try:
            model, info = getattr(transformers, name).from_pretrained(
                checkpoint.folder,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
                **({"attn_implementation": attention} if attention else {}),
            )
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise ModelError(f"The model in {checkpoint.folder} cannot be loaded: {reason}") from error
    missing = [key for key in info["missing_keys"] if not any(part in key for part in _DISPENSABLE)]
    if missing:
        raise ModelError(f"{checkpoint.weights[0]} lacks weights of its model, among them {min(missing)}.")
    if checkpoint.is_dpr:
        tower = model.question_encoder if hasattr(model, "question_encoder") else model.ctx_encoder
        model = tower.bert_model
    transformer: nn.Module = model
    return transformer


def _pool(hidden: Tensor, mask: Tensor, lengths: Sequence[int], mode: str) -> Tensor:
    if mode == MAX:
        return hidden.masked_fill(mask.unsqueeze(-1) == 0, float("-inf")).amax(dim=1)
    weights = np.zeros(mask.shape, dtype=np.float32)
    for row, length in enumerate(lengths):
        weights[row, :length] = weigh(mode, length)
    pooled: Tensor = torch.einsum("ntd,nt->nd", hidden, torch.from_numpy(weights).to(hidden.device))
    return pooled


def _dpr_class(checkpoint: Checkpoint) -> str:
    """Tell the towers of DPR apart by their weights: their configurations look alike."""
    is_passage = any(name.startswith("ctx_encoder.") for name in Weights(checkpoint.weights).names)
    return "DPRContextEncoder" if is_passage else "DPRQuestionEncoder"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' bars and load reports off the terminal; what matters is checked here."""
    from transformers.utils import logging as untyped

    logging: Any = untyped
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
