"""Two encoders of one index: what must be seen of both vectors of a passage."""

from collections.abc import Mapping, Sequence

import numpy as np

from hybrid import Passage, open_index
from hybrid.encoders import Encoder
from tests.faults.stage import TOLERANCE, Stage


def field_of(encoder: Encoder) -> str:
    return encoder.make_profile().vector_field


def assert_vectors(stage: Stage, wanted: Mapping[str, Passage], *encoders: Encoder) -> None:
    """Fail unless exactly these passages are there, each with each encoder's vector of its own text, as lists."""
    found = stage.stored()
    assert set(found) == set(wanted)
    for encoder in encoders:
        vectors = encoder.encode_passages([(one.title, one.text) for one in wanted.values()])
        for one, vector in zip(wanted, vectors, strict=True):
            stored = found[one][field_of(encoder)]
            assert isinstance(stored, list)
            np.testing.assert_allclose(np.asarray(stored, np.float32), vector, atol=TOLERANCE)


def assert_survives_an_update(stage: Stage, ids: Sequence[str], *encoders: Encoder) -> None:
    before = stage.stored()
    lines = [line for one in ids for line in ({"update": {"_id": one}}, {"doc": {"number": 7}})]
    assert not stage.raw.bulk(index=stage.concrete, body=lines, refresh=True)["errors"]
    after = stage.stored()
    for one in ids:
        assert after[one]["number"] == 7
        for encoder in encoders:
            assert after[one][field_of(encoder)] == before[one][field_of(encoder)]


def in_use(stage: Stage) -> str:
    with open_index(stage.address, settings=stage.settings) as index:
        return index.profile.pair_id
