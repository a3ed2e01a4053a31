"""A format that needs a library which is missing says so, and the others do without."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid.errors import HybridError
from ingest.sources import read_sources
from tests.unit.test_sources_html import PAGE, put

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "content", "extra"),
    [
        ("a.html", PAGE, "html"),
        ("a.pdf", "%PDF-", "pdf"),
        ("a.xml", "<mediawiki>", "wiki"),
        ("download", "%PDF-", "pdf"),
    ],
)
def test_missing_library_is_one_line_before_the_first_row(
    name: str, content: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / name, content)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(HybridError) as caught:
        read_sources([str(path)])
    assert str(caught.value) == f"{path} needs the extra {extra!r}: pip install 'hybrid-passage-search[{extra}]'"


def test_plain_formats_need_no_library() -> None:
    code = "import sys, ingest.sources, ingest.splitter; print(*sorted(name.split('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"selectolax", "pypdf", "mwparserfromhell", "torch"} & set(done.stdout.split())
