"""``--where`` with a number on a field of text is refused: letters would be compared."""

from pathlib import Path

import pytest

from hybrid import Passage, create_index, open_index
from hybrid.settings import Settings
from tests.commands import Say, one_line
from tests.conftest import MakeIndex, small_profile


@pytest.fixture(params=["folder", "cluster"])
def index(request: pytest.FixtureRequest, make_index: MakeIndex, tmp_path: Path) -> str:
    """Give an index with a field of text and one of numbers."""
    address = make_index() if request.param == "cluster" else str(tmp_path / "wiki")
    if request.param == "folder":
        create_index(address, small_profile(), settings=Settings())
    with open_index(address, settings=Settings()) as opened:
        years = ("999", "1999")
        opened.add([Passage(one, "sea", meta={"year": one, "page": int(one)}) for one in years], refresh=True)
    return address


def test_numbers_are_compared_with_numbers_only(index: str, hybrid: Say, tmp_path: Path) -> None:
    (tmp_path / "asked.txt").write_text("sea\n", "utf-8")
    search, batch = ["search", index, "sea"], ["batch", index, tmp_path / "asked.txt", "--out", tmp_path / "run.trec"]
    for command in (search, batch, ["ask", index, "sea", "--reader", "sentences"]):
        said = hybrid(*command, "--mode", "lexical", "--where", "year>=1000")
        assert (said.code, "fill a new index with --type year=long" in one_line(said)) == (2, True)
    for condition, found in (("page>=1000", {"1999"}), ('year>="1"', {"999", "1999"}), ("year=999", {"999"})):
        hits = hybrid(*search, "--mode", "lexical", "--where", condition, "--json").json["hits"]
        assert {hit["id"] for hit in hits} == found
