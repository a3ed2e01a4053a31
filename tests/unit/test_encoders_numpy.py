"""The forward pass in numpy gives what transformers gives, for every family and every way of storing weights."""

import dataclasses
import math
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from threadpoolctl import threadpool_info
from transformers import AutoModel, BertForMaskedLM

from hybrid.encoders import Encoder, load_encoder, numpy_models
from hybrid.encoders.checkpoints import read_checkpoint
from hybrid.encoders.layers import ACTIVATIONS, gelu
from hybrid.encoders.numpy_models import NumpyModel
from hybrid.encoders.running import Vectors
from hybrid.encoders.steps import Step
from hybrid.encoders.threads import one_blas_thread
from hybrid.encoders.tokens import Ids
from hybrid.errors import ModelError
from tests import corpora
from tests.messages import assert_one_clear_line
from tests.tiny_models import VOCABULARY, change_json, save_bert, save_kin

ROOT = Path(__file__).parents[2]
#: All ways at once, so that every token's vector counts.
POOLING = Step("pool", "cls+max+mean+lasttoken")
#: From a single token to more than MPNet's farthest distance; some with padding's id inside.
LENGTHS = (1, 2, 3, 7, 7, 20, 64, 150)
POSITIONS = 160

ROBERTA = {"max_position_embeddings": POSITIONS, "pad_token_id": 1, "type_vocab_size": 1}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertModel", {}),
    "bert, four heads, one layer": ("BertModel", {"num_attention_heads": 4, "num_hidden_layers": 1}),
    "bert, large epsilon": ("BertModel", {"layer_norm_eps": 1e-2}),
    "bert, odd sizes": ("BertModel", {"hidden_size": 21, "num_attention_heads": 3, "intermediate_size": 13}),
    "bert, one type": ("BertModel", {"type_vocab_size": 1}),
    **{f"bert, {name}": ("BertModel", {"hidden_act": name}) for name in sorted(ACTIVATIONS) if name != "identity"},
    "roberta": ("RobertaModel", ROBERTA),
    "roberta, padding 0": ("RobertaModel", {**ROBERTA, "pad_token_id": 0}),
    "xlm-roberta": ("XLMRobertaModel", ROBERTA),
    "camembert": ("CamembertModel", ROBERTA),
    "distilbert": ("DistilBertModel", {"dim": 16, "n_heads": 2, "n_layers": 2, "hidden_dim": 32}),
    "distilbert, relu": ("DistilBertModel", {"dim": 16, "n_heads": 4, "n_layers": 1, "activation": "relu"}),
    "mpnet": ("MPNetModel", {"pad_token_id": 1, "relative_attention_num_buckets": 32}),
}


def make_texts(seed: int = 5, padding: Sequence[int] = (0, 1)) -> list[Ids]:
    rng = np.random.default_rng(seed)
    texts = [rng.integers(2, len(VOCABULARY), length).astype(np.int32) for length in LENGTHS]
    for text in texts[3::2]:
        text[rng.integers(0, len(text), 2)] = padding
    return texts


def open_model(folder: Path) -> NumpyModel:
    checkpoint = read_checkpoint(folder)
    return NumpyModel(dataclasses.replace(checkpoint, steps=(POOLING,), dimension=4 * checkpoint.dimension))


def theirs(folder: Path, texts: Sequence[Ids]) -> Vectors:
    """Run transformers' own model on one text after the other, unpadded, and pool what comes out."""
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    rows = []
    for text in texts:
        with torch.inference_mode():
            hidden = model(input_ids=torch.from_numpy(text[None].astype(np.int64))).last_hidden_state[0].numpy()
        rows.append(np.concatenate([hidden[0], hidden.max(axis=0), hidden.mean(axis=0), hidden[-1]]))
    return np.array(rows)


def assert_same(folder: Path) -> None:
    texts = make_texts()
    found = open_model(folder).compute(texts)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, theirs(folder, texts), atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_vectors_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    kind, sizes = MODELS[name]
    assert_same(save_kin(tmp_path / "model", kind, **{"max_position_embeddings": POSITIONS, **sizes}))


@pytest.mark.parametrize("seed", range(5))
def test_vectors_are_those_of_transformers_for_other_weights(seed: int, tmp_path: Path) -> None:
    assert_same(save_bert(tmp_path / "model", seed, max_position_embeddings=POSITIONS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("models") / "model", max_position_embeddings=POSITIONS)


lengths = st.lists(st.integers(1, POSITIONS), min_size=1, max_size=12)


@given(lengths, st.integers(0, 2**32))
def test_neighbours_do_not_matter(folder: Path, lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    texts = [rng.integers(0, len(VOCABULARY), length).astype(np.int32) for length in lengths]
    model = open_model(folder)
    alone = np.concatenate([model.compute([text]) for text in texts])
    np.testing.assert_allclose(model.compute(texts), alone, atol=1e-5)


def test_gelu_is_that_of_erf() -> None:
    inputs = np.concatenate([np.linspace(-15, 15, 300_001), [0.0, -0.0, 1e-30, -1e30, 1e30]]).astype(np.float32)
    exact = np.array([x * 0.5 * math.erfc(-x / math.sqrt(2)) for x in inputs.tolist()])
    error = np.abs(gelu(inputs.copy()) - exact)
    assert (error <= 1e-7 * np.maximum(1, np.abs(exact))).all()


def test_gelu_of_what_does_not_lie_in_one_piece() -> None:
    square = np.arange(-8, 8, dtype=np.float32).reshape(4, 4)
    np.testing.assert_array_equal(gelu(square.T.copy()), gelu(square.copy().T))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_is_that_of_torch(name: str) -> None:
    theirs = {
        "gelu": torch.nn.GELU(),
        "gelu_new": torch.nn.GELU(approximate="tanh"),
        "gelu_pytorch_tanh": torch.nn.GELU(approximate="tanh"),
        "identity": torch.nn.Identity(),
        "relu": torch.nn.ReLU(),
        "sigmoid": torch.nn.Sigmoid(),
        "silu": torch.nn.SiLU(),
        "swish": torch.nn.SiLU(),
        "tanh": torch.nn.Tanh(),
    }
    inputs = np.linspace(-100, 100, 40_001, dtype=np.float32).reshape(-1, 1)
    expected = theirs[name](torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(ACTIVATIONS[name](inputs.copy()), expected, atol=2e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_stored_in_other_types_are_read_as_they_are(dtype: torch.dtype, folder: Path, tmp_path: Path) -> None:
    model = AutoModel.from_pretrained(folder, dtype=dtype)
    model.save_pretrained(tmp_path)
    assert {weight.dtype for weight in load_file(tmp_path / "model.safetensors").values()} == {dtype}
    assert_same(tmp_path)


def test_weights_in_several_files_are_put_together(folder: Path, tmp_path: Path) -> None:
    AutoModel.from_pretrained(folder).save_pretrained(tmp_path, max_shard_size="4KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert_same(tmp_path)


def test_transformer_inside_another_class_is_found(tmp_path: Path) -> None:
    plain = save_bert(tmp_path / "plain", max_position_embeddings=POSITIONS)
    BertForMaskedLM.from_pretrained(plain).save_pretrained(tmp_path / "inside")
    assert "bert.embeddings.word_embeddings.weight" in load_file(tmp_path / "inside" / "model.safetensors")
    np.testing.assert_array_equal(
        open_model(tmp_path / "inside").compute(make_texts()), open_model(plain).compute(make_texts())
    )


def test_names_of_the_first_releases_are_understood(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model", max_position_embeddings=POSITIONS)
    path = folder / "model.safetensors"
    new = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    weights = load_file(path)
    for today, then in new.items():
        weights = {name.replace(today, then): weight for name, weight in weights.items()}
    save_file(weights, path, {"format": "pt"})
    assert any(name.endswith("gamma") for name in weights)
    assert_same(folder)


@pytest.mark.parametrize("name", ["encoder.layer.1.output.dense.weight", "embeddings.position_embeddings.weight"])
def test_missing_weight_is_named_when_the_model_is_opened(name: str, tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    save_file({key: weight for key, weight in weights.items() if key != name}, folder / "model.safetensors")
    encoder = load_encoder(str(folder), scale=20.0, backend="numpy")
    with pytest.raises(ModelError, match=f"lacks weights of its model, among them {name}") as raised:
        encoder.load()
    assert_one_clear_line(raised.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"num_hidden_layers": 3}, "lacks weights of its model, among them encoder.layer.2"),
        ({"num_attention_heads": 3}, "3 heads do not share 16 numbers evenly"),
    ],
)
def test_configuration_of_another_model_is_noticed(change: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    change_json(folder / "config.json", **change)
    with pytest.raises(ModelError, match=complaint) as raised:
        NumpyModel(read_checkpoint(folder))
    assert_one_clear_line(raised.value)


def test_weight_of_another_shape_is_named(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "model")
    name = "encoder.layer.0.output.dense.weight"
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, name: weights[name].T.contiguous()}, folder / "model.safetensors")
    with pytest.raises(ModelError, match=rf"{name} is \(32, 16\), not \(16, 32\)") as raised:
        NumpyModel(read_checkpoint(folder))
    assert_one_clear_line(raised.value)


def count_threads() -> set[int]:
    """Give how many threads numpy's own BLAS takes; other libraries bring more of them."""
    return {found["num_threads"] for found in threadpool_info() if "numpy" in found["filepath"]}


def test_blas_keeps_to_one_thread_until_the_last_has_left() -> None:
    """Whoever entered first leaves first here, so the limit is lifted by another thread than set it."""
    before = count_threads()
    inside, alone = threading.Event(), threading.Event()
    seen: list[set[int]] = []

    def stay() -> None:
        with one_blas_thread():
            inside.set()
            assert alone.wait(timeout=30)
            seen.append(count_threads())
        seen.append(count_threads())

    thread = threading.Thread(target=stay)
    with one_blas_thread():
        thread.start()
        assert inside.wait(timeout=30)
    alone.set()
    thread.join()
    assert seen == [{1}, before]
    with one_blas_thread():
        assert count_threads() == {1}
    assert count_threads() == before


def test_model_computes_in_one_thread_and_gives_the_others_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[int]] = []
    model = open_model(folder)

    def look(*_: object) -> Vectors:
        seen.append(count_threads())
        raise MemoryError

    before = count_threads()
    monkeypatch.setattr(model, "_embed", look)
    with pytest.raises(MemoryError):
        model.compute(make_texts())
    assert seen == [{1}]
    assert count_threads() == before


def test_every_processor_takes_part(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_models, "count_cpus", lambda: 3)
    models = numpy_models.open_models(read_checkpoint(folder))
    assert len(models) == 3
    encoder = load_encoder(str(folder), scale=20.0, backend="numpy")
    many = [("", f"the moon pulls {number} tides") for number in range(300)]
    together = encoder.encode_passages(many)
    monkeypatch.setattr(numpy_models, "count_cpus", lambda: 1)
    one = load_encoder(str(folder), scale=20.0, backend="numpy")
    np.testing.assert_allclose(together, one.encode_passages(many), atol=1e-6)


SCARCE = """
import logging, resource, sys
from hybrid.encoders import batching, load_encoder
logging.basicConfig(level=logging.WARNING, format="%(message)s")
batching.ONE_CPU_TOKENS = 10**9
encoder = load_encoder(sys.argv[1], scale=20.0, backend="numpy")
texts = ["the moon pulls the tides " * 12] * 2000
few = encoder.encode_questions(texts[:8])
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000, resource.RLIM_INFINITY))
many = encoder.encode_questions(texts)
print(abs(many - few[0]).max() < 1e-4)
"""


def test_lack_of_memory_halves_batches(tmp_path: Path) -> None:
    """Give a process too little room for 2000 texts at once: their 128,000 tokens need 260 MB for one layer alone."""
    folder = save_bert(tmp_path / "model", hidden_size=64, intermediate_size=512)
    command = [sys.executable, "-c", SCARCE, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr
    assert "does not fit into memory; going on with half of it" in done.stderr


@pytest.fixture(scope="module")
def minilm() -> dict[str, Encoder]:
    backends: Any = ("numpy", "torch")
    return {one: load_encoder("minilm", precision="fp32", device="cpu", backend=one) for one in backends}


def cut_licence(count: int) -> list[str]:
    """Give pieces of a text that is always there: mostly 1 to 30 words, some more than the model reads."""
    words = (ROOT / "LICENSE").read_text("utf-8").split()
    rng = np.random.default_rng(7)
    starts, sizes = rng.integers(0, len(words) - 300, count), rng.integers(1, 30, count)
    sizes[::40] = 300
    return [" ".join(words[start : start + size]) for start, size in zip(starts, sizes, strict=True)]


def assert_both_alike(minilm: dict[str, Encoder], questions: Sequence[str], pairs: Sequence[tuple[str, str]]) -> None:
    numpy, torch = minilm["numpy"], minilm["torch"]
    assert numpy.make_profile() == torch.make_profile()
    np.testing.assert_allclose(numpy.encode_questions(questions), torch.encode_questions(questions), atol=1e-4)
    np.testing.assert_allclose(numpy.encode_passages(pairs), torch.encode_passages(pairs), atol=1e-4)


def test_minilm_by_numpy_is_minilm_by_torch(minilm: dict[str, Encoder]) -> None:
    odd = ["", " ", "?", "\0", "Ωmega ’ “quoted” — 名前 🌊", "x" * 5000, "[PAD] [SEP] [MASK]"]
    texts = [*cut_licence(200), *odd]
    assert_both_alike(minilm, texts, [(text[:20] if number % 2 else "", text) for number, text in enumerate(texts)])


def test_minilm_by_numpy_is_minilm_by_torch_on_real_questions(minilm: dict[str, Encoder]) -> None:
    corpus = corpora.squad_json("xquad.en.json")
    passages = list(dict.fromkeys(corpus.passages))[:50]
    assert_both_alike(minilm, corpus.questions[:200], [("", text) for text in passages])
