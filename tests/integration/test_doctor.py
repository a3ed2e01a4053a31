"""The doctor finds a healthy index healthy, whatever its passages are called."""

import pytest

from hybrid import Passage, open_index
from hybrid.index import examine_index
from hybrid.settings import Settings
from tests.conftest import MakeIndex


@pytest.mark.parametrize("passage_id", ["p1", "tides#0", "a/b c", "50%", "日本?"])
def test_every_check_passes_on_a_healthy_index(passage_id: str, make_index: MakeIndex) -> None:
    address = make_index()
    with open_index(address, settings=Settings()) as index:
        index.add([Passage(passage_id, "the moon pulls the oceans", vector=[1.0] * 8)], refresh=True)
    assert {check.name: check.passed for check in examine_index(address, settings=Settings())} == dict.fromkeys(
        ("cluster", "k-NN plugin", "profile", "similarity", "inline scripts", "coverage", "settled"), True
    )
