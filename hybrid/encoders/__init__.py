"""Questions and passages to vectors: ``load_encoder`` by name, ``load_for_profile`` as an index wants it."""

from .backends import WantedBackend
from .encoder import Encoder
from .loading import load_encoder, load_for_profile
from .presets import PRESETS
from .scales import Sample, find_scale, fit_prior

__all__ = [
    "PRESETS",
    "Encoder",
    "Sample",
    "WantedBackend",
    "find_scale",
    "fit_prior",
    "load_encoder",
    "load_for_profile",
]
