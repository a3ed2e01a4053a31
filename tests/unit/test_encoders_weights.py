"""Weights read from safetensors files are those that the library reads, mapped instead of copied."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from hybrid.encoders.weights import Weights
from hybrid.errors import ModelError
from tests.messages import assert_one_clear_line

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = torch.Generator().manual_seed(3)
    weights = {
        f"{dtype} {shape}": torch.randn(shape, generator=generator).to(dtype)
        for dtype in FLOATS
        for shape in ((), (1,), (3, 5), (2, 3, 4))
    }
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file({**weights, "ids": torch.arange(5)}, path, {"format": "pt"})
    return path


def test_weights_are_those_of_the_library_in_fp32(path: Path) -> None:
    expected = {name: weight for name, weight in load_file(path).items() if weight.is_floating_point()}
    weights = Weights([path])
    assert weights.names == set(expected)
    for name, weight in expected.items():
        found = weights.take(name, *weight.shape)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, weight.float().numpy())


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=50))
def test_every_bf16_number_is_read_as_torch_reads_it(
    tmp_path_factory: pytest.TempPathFactory, bits: list[int]
) -> None:
    stored = torch.tensor(np.array(bits, np.uint16).view(np.int16)).view(torch.bfloat16)
    path = tmp_path_factory.mktemp("bf16") / "model.safetensors"
    save_file({"weight": stored}, path)
    np.testing.assert_array_equal(Weights([path]).take("weight"), stored.float().numpy())


def test_fp32_is_not_copied_and_cannot_be_written(path: Path) -> None:
    weights = Weights([path])
    first, second = weights.take("torch.float32 (3, 5)"), weights.take("torch.float32 (3, 5)")
    assert np.shares_memory(first, second)
    assert not first.flags.writeable


def test_weights_stay_readable_when_the_file_is_replaced(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model.safetensors"
    copy.write_bytes(path.read_bytes())
    weights = Weights([copy])
    before = weights.take("torch.float32 (3, 5)").copy()
    (tmp_path / "new").write_bytes(b"something else")
    (tmp_path / "new").replace(copy)
    np.testing.assert_array_equal(weights.take("torch.float32 (3, 5)"), before)


def write(path: Path, header: Any, body: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def test_numbers_at_odd_places_are_read_all_the_same(tmp_path: Path) -> None:
    numbers = np.array([1.5, -2.0], "<f4")
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    for spaces in range(8):
        header = json.dumps({"weight": entry}).encode() + b" " * spaces
        found = Weights([write(tmp_path / f"{spaces}", header, numbers.tobytes())]).take("weight")
        assert found.flags.aligned
        np.testing.assert_array_equal(found, numbers)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        {"weight": 5},
        {"weight": {}},
        {"weight": {"dtype": "F32", "shape": [2]}},
        {"weight": {"dtype": "F32", "shape": [2], "data_offsets": [0]}},
        {"weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {"weight": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}},
        {"weight": {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}},
        {"weight": {"dtype": "F32", "shape": [-1, -2], "data_offsets": [0, 8]}},
        {"weight": {"dtype": "F32", "shape": ["2"], "data_offsets": [0, 8]}},
        {"weight": {"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]}},
    ],
    ids=str,
)
def test_garbled_header_is_one_clear_line(header: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: it is no file of safetensors") as raised:
        Weights([write(tmp_path / "model.safetensors", header, bytes(8))])
    assert_one_clear_line(raised.value)


def test_file_cut_short_anywhere_is_one_clear_line(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    for length in (*range(0, 64), *range(64, len(whole), 97), len(whole) - 1):
        cut = tmp_path / "model.safetensors"
        cut.write_bytes(whole[:length])
        with pytest.raises(ModelError) as raised:
            Weights([cut])
        assert_one_clear_line(raised.value)


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="model-00001"):
        Weights([tmp_path / "model-00001-of-00002.safetensors"])
