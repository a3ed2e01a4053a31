"""What 21,015,324 passages cost, as the paper had: ``python -m benchmarks.plan --json``.

Measures what one passage costs here, in seconds of one processor core and in bytes on the disk, and multiplies.
Every passage is indexed twice: its text at once, and once more when its vector comes. The encoder is a BERT-base with
random weights, for speed does not depend on what weights say; ``--encoder`` takes a real one. The GPU's line is
arithmetic (a forward pass at a share of the card's peak), unless ``--gpu-rate`` says what ``benchmarks.encode``
measured on one.
"""

import argparse
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import opensearchpy

from benchmarks.encode import make_blocks
from hybrid import IndexSpec, Passage
from hybrid.encoders import Encoder, load_encoder
from hybrid.encoders.finding import find
from hybrid.index import create_index, delete_index, open_index
from hybrid.passages import Vector
from hybrid.settings import Settings
from tests.services.discover import opensearch_service
from tests.tiny_models import save_bert

PASSAGES = 21_015_324
#: What the paper took (§5.4): hours of 8 GPUs for the vectors, hours of one server for its index of them.
PAPER = {"encode_hours_8_gpus": 8.8, "vector_index_hours": 8.5, "text_index_hours": 0.5}
#: Peak of an H200 in bf16, and the share of it that a good implementation reaches; both are assumptions.
GPU_FLOPS, GPU_SHARE = 989e12, 0.4
#: Parameters of BERT-base that multiply: all but the embeddings.
MULTIPLIED = 85e6
#: Bytes that a shard should not pass, by OpenSearch's own advice for search.
SHARD_BYTES = 50e9
BERT_BASE = {
    "vocab_size": 30_522,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
}
BATCH = 250
SLICES = 4
#: Seconds for which nodes repeat what they said of their processor time.
STALE = 1.5


@dataclass(frozen=True, slots=True)
class Writing:
    """What a passage costs the cluster: core seconds and bytes, of the text and of the vector besides."""

    text_core_s: float
    vector_core_s: float
    text_bytes: float
    vector_bytes: float

    @property
    def core_s(self) -> float:
        """Both times that a passage is indexed."""
        return self.text_core_s + self.vector_core_s

    @property
    def bytes(self) -> float:
        """On the disk, one copy."""
        return self.text_bytes + self.vector_bytes


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    texts = make_blocks(options.sample)
    with tempfile.TemporaryDirectory() as folder:
        encoder = load_encoder(options.encoder or _make_bert_base(Path(folder)), scale=options.scale or 1.0)
        _say(f"encoding {len(texts)} passages")
        encode_core_s, vectors = _measure_encoding(encoder, texts)
        tokens = sum(map(len, encoder.passages.tokens.read([("", text) for text in texts]))) / len(texts)
    with opensearch_service() as service:
        writing = {
            name: _measure_writing(service.url, encoder, texts, vectors, derived=name == "derived")
            for name in ("stored", "derived")
        }
    measured = {"sample": len(texts), "tokens": round(tokens, 1), "encode_core_s": round(encode_core_s, 5)}
    gpu_rate = options.gpu_rate or GPU_FLOPS * GPU_SHARE / (2 * MULTIPLIED * tokens)
    found = {
        "passages": PASSAGES,
        "measured": {**measured, **{name: asdict(one) for name, one in writing.items()}},
        "cpu_hours": {cores: round(_hours(encode_core_s) / cores, 1) for cores in (2, 16, 64, 256)},
        "gpu": {
            "rate": round(gpu_rate),
            "measured": bool(options.gpu_rate),
            "encode_hours": round(PASSAGES / gpu_rate / 3600, 2),
        },
        "cluster_hours": {cores: round(_hours(writing["stored"].core_s) / cores, 1) for cores in (2, 16, 64, 256)},
        "index": {name: _lay_out(one) for name, one in writing.items()},
        "paper": PAPER,
    }
    print(json.dumps(found, indent=2) if options.json else _describe(found))


def _hours(core_s: float) -> float:
    return PASSAGES * core_s / 3600


def _lay_out(writing: Writing) -> dict[str, float]:
    """Give the size of one copy, and how many shards it needs."""
    size = PASSAGES * writing.bytes
    return {"gb": round(size / 1e9, 1), "shards": int(-(-size // SHARD_BYTES))}


def _make_bert_base(folder: Path) -> str:
    """Write a BERT-base of random numbers that reads text as MiniLM does, whose words are BERT's and DPR's."""
    made = save_bert(folder / "bert-base", **BERT_BASE)
    own = find("minilm").passage.folder
    for file in own.glob("tokenizer*"):
        shutil.copy(file, made)
    shutil.copy(own / "vocab.txt", made)
    return str(made)


def _measure_encoding(encoder: Encoder, texts: Sequence[str]) -> tuple[float, Vector]:
    """Give core seconds of a passage in the quickest of a few slices, as others can only add to it; and vectors."""
    encoder.encode_passages([("", text) for text in texts[:8]])
    took, made = [], []
    for part in np.array_split(np.array(texts, dtype=object), SLICES):
        started = time.process_time()
        made.append(encoder.encode_passages([("", text) for text in part]))
        took.append((time.process_time() - started) / len(part))
    return min(took), np.concatenate(made)


def _measure_writing(url: str, encoder: Encoder, texts: Sequence[str], vectors: Vector, *, derived: bool) -> Writing:
    """Index text, then the vectors, and see what that took of the node's processor and disk."""
    address = f"{url}/bench-{secrets.token_hex(4)}"
    _say(f"indexing {len(texts)} passages twice, vectors {'derived' if derived else 'in _source'}")
    create_index(address, encoder.make_profile(), IndexSpec(replicas=0, derived_source=derived), settings=Settings())
    library = opensearchpy.OpenSearch([url], timeout=120)
    try:
        with open_index(address, settings=Settings()) as index:
            given = [Passage(f"p{number}", text) for number, text in enumerate(texts)]

            def write() -> None:
                for start in range(0, len(given), BATCH):
                    assert not index.add(given[start : start + BATCH]).failures

            by_text = dict(zip(texts, vectors, strict=True))

            def fill() -> None:
                for part in index.intake().fill_pending(lambda pairs: [by_text[text] for _, text in pairs], BATCH):
                    assert not part.failed

            text_core_s = _cpu_of(library, write) / len(texts)
            index.settle()
            text_bytes = _size(library, address)
            vector_core_s = _cpu_of(library, fill) / len(texts)
            index.settle()
            vector_bytes = _size(library, address) - text_bytes
        return Writing(
            round(text_core_s, 6),
            round(vector_core_s, 6),
            round(text_bytes / len(texts)),
            round(vector_bytes / len(texts)),
        )
    finally:
        library.close()
        delete_index(address, settings=Settings())


def _cpu_of(library: Any, work: Callable[[], None]) -> float:
    """Give the core seconds that all nodes spent meanwhile."""
    before = _cpu(library)
    work()
    return _cpu(library) - before


def _cpu(library: Any) -> float:
    time.sleep(STALE)
    nodes = library.nodes.stats(metric="process")["nodes"].values()
    return sum(float(node["process"]["cpu"]["total_in_millis"]) for node in nodes) / 1000


def _size(library: Any, address: str) -> float:
    name = address.rpartition("/")[2]
    return float(library.indices.stats(index=name, metric="store")["_all"]["primaries"]["store"]["size_in_bytes"])


def _describe(found: dict[str, Any]) -> str:
    measured, stored = found["measured"], found["measured"]["stored"]
    gpu, sizes = found["gpu"], found["index"]
    by_cores = "\n".join(
        f"  {cores:>4} cores: encoding {hours:>8,.1f} h, the cluster {found['cluster_hours'][cores]:>7,.1f} h"
        for cores, hours in found["cpu_hours"].items()
    )
    source = "as measured" if gpu["measured"] else "by arithmetic, not measured"
    return (
        f"{found['passages']:,} passages, from {measured['sample']:,} with {measured['tokens']} tokens each\n"
        f"one passage: {1000 * measured['encode_core_s']:.1f} ms of a core to encode, "
        f"{1000 * stored['text_core_s']:.2f} + {1000 * stored['vector_core_s']:.2f} ms to index text and vector\n"
        f"{by_cores}\n"
        f"  one H200: {gpu['rate']:,} passages/s {source}: {gpu['encode_hours']} h\n"
        f"  one copy: {sizes['stored']['gb']:,} GB in {sizes['stored']['shards']} shards; with derived_source "
        f"{sizes['derived']['gb']:,} GB in {sizes['derived']['shards']}\n"
        f"  the paper: vectors 8.8 h on 8 GPUs, their index 8.5 h, the text's about half an hour"
    )


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Hours, bytes and shards of 21 million passages.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--encoder", help="instead of a BERT-base with random weights")
    parser.add_argument("--scale", type=float)
    parser.add_argument("--sample", type=int, default=1000, help="passages to measure with")
    parser.add_argument(
        "--gpu-rate", type=float, help="passages a second of one GPU, as benchmarks.encode measures it"
    )
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
