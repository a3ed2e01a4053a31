"""Vectors that were given: checked, and brought to the lengths that the profile's similarity means.

With ``cosine`` a passage vector gets length 1 and a question vector length ``scale``, so their dot product is
``scale · cos``; with ``dot`` vectors stay as they are.
"""

import numpy as np
from numpy.typing import ArrayLike

from .errors import VectorError
from .passages import Vector
from .profile import Profile

#: Dot products of longer vectors do not fit into float32.
MAX_LENGTH = 1e19


def read_question_vector(values: ArrayLike, profile: Profile) -> Vector:
    """Give a question's vector as the index wants it."""
    vector = _read(values, profile, "The question's vector")
    return vector if profile.similarity == "dot" else _resize(vector, profile.scale, "The question's vector")


def read_passage_vector(values: ArrayLike, profile: Profile, passage_id: str) -> Vector:
    """Give a passage's vector as the index wants it."""
    what = f"The vector of passage {passage_id}"
    vector = _read(values, profile, what)
    return vector if profile.similarity == "dot" else _resize(vector, 1.0, what)


def length(vector: Vector) -> float:
    """Give the Euclidean length, summed in float64."""
    return float(np.linalg.norm(vector.astype(np.float64)))


def _read(values: ArrayLike, profile: Profile, what: str) -> Vector:
    try:
        with np.errstate(over="ignore"):
            vector = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise VectorError(f"{what} is not a list of numbers that fit into float32.") from error
    if vector.shape != (profile.dimension,):
        given = f"has {'×'.join(map(str, vector.shape))} numbers" if vector.shape else "is a single number"
        raise VectorError(f"{what} {given}; the index holds vectors of {profile.dimension}.")
    if not np.isfinite(vector).all():
        raise VectorError(f"{what} holds NaN or infinity.")
    if profile.similarity == "dot" and length(vector) > MAX_LENGTH:
        raise VectorError(f"{what} is {length(vector):.3g} long; beyond {MAX_LENGTH:g} dot products overflow.")
    return vector


def _resize(vector: Vector, wanted: float, what: str) -> Vector:
    given = length(vector)
    if given == 0:
        raise VectorError(f"{what} is all zeros, so it has no direction to compare by cosine.")
    return (vector.astype(np.float64) * (wanted / given)).astype(np.float32)
