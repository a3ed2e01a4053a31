"""Packed sources are unpacked by their first bytes; damage costs what lies behind it, and is said."""

import bz2
import gzip
import importlib
import io
import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hybrid.errors import HybridError
from ingest.documents import Document, Reject
from ingest.sources import Meter, read_sources

Pack = Callable[[bytes], bytes]


def pack_zstd(data: bytes) -> bytes:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    packed: bytes = importlib.import_module(name).compress(data)
    return packed


PACKERS: dict[str, Pack] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": pack_zstd}
LINES = b"".join(b'{"id":"%d","text":"text %d"}\n' % (number, number * 7919) for number in range(20_000))


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_file_is_read_like_a_plain_one(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.jsonl.{suffix}"
    path.write_bytes(PACKERS[suffix](LINES))
    meter = Meter()
    rows = list(read_sources([str(path)], meter=meter))
    assert all(isinstance(row.content, Document) for row in rows)
    assert [row.line for row in rows] == list(range(1, 20_001))
    assert meter.done == meter.total == path.stat().st_size


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_packing_is_told_by_content_alone(pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_bytes(pack(b"# Text"))
    (tmp_path / "plain.txt.gz").write_bytes(b"not packed at all")
    (first, second) = (row.content for row in read_sources([str(tmp_path)]))
    assert isinstance(first, Document)
    assert (first.id, first.title, first.text) == ("a.txt", "a", "# Text")
    assert isinstance(second, Document)
    assert (second.title, second.text) == ("plain", "not packed at all")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pack(LINES[:1000]))))
    assert next(read_sources(["-"])).line == 1


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_parts_packed_one_after_the_other_are_one_file(pack: Pack, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(pack(LINES[:10_000]) + pack(LINES[10_000:]))
    assert sum(isinstance(row.content, Document) for row in read_sources([str(path)])) == 20_000


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_packed_file_that_ends_early_gives_what_is_there(pack: Pack, tmp_path: Path) -> None:
    packed = pack(LINES)
    path, good = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    good.write_bytes(LINES[: LINES.index(b"\n")])
    for size in (len(packed) // 2, len(packed) - 1):
        path.write_bytes(packed[:size])
        *rows, last = read_sources([str(path), str(good)])
        assert isinstance(last.content, Document)
        assert last.source == str(good)
        verdict = rows.pop().content
        assert isinstance(verdict, Reject)
        assert verdict.reason.startswith("the packed data cannot be read any further: ")
        assert verdict.line == len(rows) + 1
        assert all(isinstance(row.content, Document) for row in rows)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_damage_inside_packed_data_is_said(pack: Pack, tmp_path: Path) -> None:
    packed = bytearray(pack(LINES))
    middle = len(packed) // 2
    packed[middle : middle + 2000] = b"\x55" * 2000
    path = tmp_path / "a.jsonl"
    path.write_bytes(packed)
    verdict = list(read_sources([str(path)]))[-1].content
    assert isinstance(verdict, Reject)
    assert verdict.reason.startswith("the packed data cannot be read any further: ")


def test_damaged_file_of_unknown_format_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(gzip.compress(LINES)[:12])
    with pytest.raises(HybridError, match=r"a\.json cannot be unpacked: "):
        read_sources([str(tmp_path / "a.json")])


def test_missing_zstd_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str, *_: Any) -> ModuleType:
        if name.endswith("zstd"):
            raise ModuleNotFoundError(name)
        return original(name)

    original = importlib.import_module
    packed = pack_zstd(LINES)
    monkeypatch.setattr(importlib, "import_module", find)
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(packed)
    with pytest.raises(
        HybridError, match=r"a.jsonl.zst needs the extra 'zstd': pip install 'hybrid-passage-search\[zstd\]'$"
    ):
        list(read_sources([str(path)]))
