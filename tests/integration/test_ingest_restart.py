"""A node that is stopped or killed under a job and started again on its data: the job goes on, nothing is lost."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import opensearchpy
import pytest

from hybrid import IndexSpec, create_index, isolate
from hybrid.engines.opensearch import patience
from hybrid.errors import HybridError
from hybrid.records import Filled
from hybrid.settings import Settings
from ingest import batches, job
from ingest.tally import Tally
from tests.conftest import serve, small_profile
from tests.integration.feeding import accepted_of, assert_holds, document, ingest
from tests.integration.restarting import Restartable, restartable_node
from tests.messages import assert_one_clear_line

pytestmark = pytest.mark.slow

SOURCE = [document(f"d{number}", number % 8 + 1) for number in range(600)]
WANTED = accepted_of(SOURCE)
#: Times at which the node goes, each as passages that were written, or encoded after the text.
MOMENTS = (40, 500)


@pytest.fixture(scope="module")
def node() -> Iterator[Restartable]:
    yield from serve(restartable_node())


@pytest.fixture(scope="module")
def behind(node: Restartable) -> Iterator[Any]:
    library = opensearchpy.OpenSearch([node.url], timeout=60)
    yield library
    library.close()


@pytest.fixture
def address(node: Restartable, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(batches, "MAX_PASSAGES", 16)
    monkeypatch.setattr(isolate, "FILL_SIZE", 16)
    monkeypatch.setattr(job, "SAVE_INTERVAL", 0.0)
    address = f"{node.url}/test-{secrets.token_hex(6)}"
    create_index(address, small_profile(max_norm=0.01), IndexSpec(replicas=0), settings=Settings())
    return address


class Striker:
    """Ends the node at given moments of a job, and starts it again without waiting for it."""

    def __init__(self, node: Restartable, how: str):
        self._node = node
        self._how = how
        self._left = list(MOMENTS)

    def __call__(self, tally: Tally, filled: Filled) -> None:
        done = filled.encoded if filled.encoded else tally.passages
        if self._left and done >= self._left[0] and bool(filled.encoded) is self.while_filling:
            self._left.pop(0)
            getattr(self._node, self._how)()
            self._node.start()

    while_filling = False

    @property
    def struck(self) -> int:
        return len(MOMENTS) - len(self._left)


@pytest.mark.parametrize("phase", ["vectors with the text", "text first", "vectors after the text"])
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_job_outlives_a_node_that_comes_back(
    how: str,
    phase: str,
    node: Restartable,
    address: str,
    tmp_path: Path,
    behind: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    striker = Striker(node, how)
    if phase != "vectors with the text":
        monkeypatch.setattr(job, "SLOW_ENCODER", float("inf"))
    striker.while_filling = phase == "vectors after the text"
    summary = ingest(address, SOURCE, tmp_path / "rejects.jsonl", on_progress=striker)
    assert striker.struck == len(MOMENTS)
    tally = summary.tally
    assert (tally.rows, tally.created, tally.unchanged) == (len(SOURCE), len(WANTED), 0)
    assert (tally.adds_up, summary.job.state) == (True, "done")
    assert (summary.filled.failed, summary.filled.contested, summary.filled.missing) == (0, 0, 0)
    assert_holds(behind, address, WANTED)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_job_that_loses_its_patience_says_so_in_one_line_and_the_next_run_finishes(
    how: str, node: Restartable, address: str, tmp_path: Path, behind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "ATTEMPTS", 1)
    errors: list[HybridError] = []
    striker = Striker(node, how)
    for _ in range(len(MOMENTS) + 1):
        try:
            summary = ingest(address, SOURCE, tmp_path / "rejects.jsonl", on_progress=striker, resume=True)
        except HybridError as error:
            assert_one_clear_line(error)
            errors.append(error)
            node.wait_ready()
    assert len(errors) == striker.struck == len(MOMENTS)
    tally = summary.tally
    assert (tally.rows, tally.accepted, tally.adds_up) == (len(SOURCE), len(SOURCE), True)
    assert tally.created + tally.unchanged == len(WANTED)
    assert_holds(behind, address, WANTED)
