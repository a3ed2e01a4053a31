"""Token ids in, rows out, by torch: readers of both kinds, on a processor or on GPUs.

What follows the transformer runs in fp32, whatever the weights are kept in.
"""

import copy
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModelForQuestionAnswering, BertConfig, BertModel

from ..encoders import batching
from ..encoders.machine import count_cpus
from ..encoders.tokens import Ids
from ..encoders.torch_models import memory_errors, pad, quiet
from ..encoders.weights import Weights
from ..errors import ModelError
from ..towers import Precision
from .folders import RELEVANCE, SPANS, Folder
from .rows import Rows, count_numbers, make_row

#: Families whose transformer is BERT's.
_BERT = frozenset({"bert", "dpr"})
#: What a configuration says of the transformer.
_SIZES = (
    "attention_probs_dropout_prob",
    "hidden_act",
    "hidden_dropout_prob",
    "hidden_size",
    "intermediate_size",
    "layer_norm_eps",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "pad_token_id",
    "type_vocab_size",
    "vocab_size",
)
#: Weights that are not on the way to a score.
_DISPENSABLE = ("pooler.", "position_ids")


class SpanModel(nn.Module):
    """BERT with a layer that scores starts and ends, and one that scores the passage; token types are 0."""

    def __init__(self, config: Mapping[str, Any], attention: str = "sdpa"):
        super().__init__()
        if config.get("model_type") not in _BERT:
            raise ModelError(f"A reader is made of BERT, not of a {config.get('model_type')} model.")
        sizes = {name: config[name] for name in _SIZES if name in config}
        self.bert = BertModel(BertConfig(**{**sizes, "attn_implementation": attention}), add_pooling_layer=False)
        self.qa_outputs = nn.Linear(self.bert.config.hidden_size, 2)
        self.qa_classifier = nn.Linear(self.bert.config.hidden_size, 1)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Give relevance (n), and start and end scores (n, tokens, 2)."""
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        with torch.autocast(ids.device.type, enabled=False):
            hidden = hidden.float()
            relevance: Tensor = self.qa_classifier(hidden[:, 0]).squeeze(-1)
            return relevance, self.qa_outputs(hidden)


class QuestionAnsweringModel(nn.Module):
    """A model for question answering: a passage is as relevant as its first token is unlikely to be the answer."""

    def __init__(self, model: Any, type_mark: int | None):
        super().__init__()
        self.model = model
        self._type_mark = type_mark

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Give minus the null score (n), and start and end scores (n, tokens, 2)."""
        given = {"input_ids": ids, "attention_mask": mask}
        if self._type_mark is not None:
            is_mark = (ids == self._type_mark).long()
            given["token_type_ids"] = (is_mark.cumsum(1) - is_mark > 0).long() * mask
        found = self.model(**given)
        scores = torch.stack([found.start_logits, found.end_logits], dim=-1).float()
        return -scores[:, 0].sum(-1), scores


class TorchReader:
    """One copy of a reader on one device."""

    def __init__(self, model: nn.Module, length: int, pad: int, device: str):
        self._device = torch.device(device)
        self._model = model.to(self._device).eval()
        self._length, self._pad = length, pad
        self.dimension = count_numbers(length)
        self.budget = batching.CPU_TOKENS if self._device.type == "cpu" else batching.GPU_TOKENS

    def compute(self, batch: Sequence[Ids]) -> Rows:
        """Give one row a window; MemoryError where the batch is too large."""
        with memory_errors(), torch.inference_mode():
            ids, mask = (one.to(self._device) for one in pad(batch, self._pad))
            relevance, scores = (one.float().cpu().numpy() for one in self._model(ids, mask))
        made = (
            make_row(self._length, float(one), score[: len(window)])
            for one, score, window in zip(relevance, scores, batch, strict=True)
        )
        return np.stack(list(made))


def open_models(
    folder: Folder, type_mark: int | None, precision: Precision, devices: Sequence[str]
) -> list[TorchReader]:
    """Load a reader once and put a copy on every device; ``type_mark`` is the token after which types are 1."""
    if "cpu" in devices:
        # Torch counts the machine's processors, also those that a container may not use.
        torch.set_num_threads(min(torch.get_num_threads(), count_cpus()))
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    model = load_model(folder) if folder.kind == "dpr" else _load_question_answering(folder, type_mark)
    keep_in(model, dtype)
    copies = [model, *(copy.deepcopy(model) for _ in devices[1:])]
    blank = int(folder.checkpoint.config.get("pad_token_id") or 0)
    return [TorchReader(one, folder.max_length, blank, device) for one, device in zip(copies, devices, strict=True)]


def keep_in(model: nn.Module, dtype: torch.dtype) -> None:
    """Keep the weights of the transformer in a precision, and those behind it in fp32."""
    model.to(dtype)
    for name, layer in model.named_modules():
        if name.rpartition(".")[2] in (SPANS, RELEVANCE):
            layer.float().register_forward_pre_hook(lambda _, given: (given[0].float(),))


def load_model(folder: Folder, attention: str = "sdpa") -> SpanModel:
    """Load a reader of the kind ``dpr``."""
    model = SpanModel(folder.checkpoint.config, attention)
    load_bert(model.bert, folder.checkpoint.weights)
    with torch.no_grad():
        for layer, name in ((model.qa_outputs, SPANS), (model.qa_classifier, RELEVANCE)):
            weight, bias = folder.take_head(name)
            layer.weight.copy_(torch.from_numpy(weight.copy()))
            layer.bias.copy_(torch.from_numpy(bias.copy()))
    return model


def load_bert(model: nn.Module, paths: Sequence[Any]) -> None:
    """Fill a BERT with weights, under whatever name their files hold it."""
    weights = Weights(paths)
    marker = "embeddings.word_embeddings.weight"
    prefix = next((name.removesuffix(marker) for name in weights.names if name.endswith(marker)), "")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(_take(weights, prefix + name, tuple(parameter.shape))))


def _take(weights: Weights, name: str, shape: tuple[int, ...]) -> Any:
    """Take a weight by its name of today, or by that of the first releases."""
    old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    return weights.take(old if old in weights.names else name, *shape).copy()


def _load_question_answering(folder: Folder, type_mark: int | None) -> QuestionAnsweringModel:
    place = folder.checkpoint.folder
    with quiet():
        try:
            model, info = AutoModelForQuestionAnswering.from_pretrained(
                place,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise ModelError(f"The reader in {place} cannot be loaded: {reason}") from error
    missing = [key for key in info["missing_keys"] if not any(part in key for part in _DISPENSABLE)]
    if missing:
        raise ModelError(f"{folder.checkpoint.weights[0]} lacks weights of its model, among them {min(missing)}.")
    takes_types = "token_type_ids" in inspect.signature(model.forward).parameters
    knows_types = int(folder.checkpoint.config.get("type_vocab_size") or 0) > 1
    return QuestionAnsweringModel(model, type_mark if takes_types and knows_types else None)
