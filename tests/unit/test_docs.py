"""What stands in the pages is there: commands with their options, files, links, and the words of errors."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from hybrid.cli.main import COMMANDS, program
from tests.docs import DOCS, PAGES, ROOT, Block, read_blocks

SHELL = [
    (block.page, line)
    for block in read_blocks("sh")
    for line in block.commands
    if line.lstrip().startswith("hybrid ")
]
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def test_there_are_pages_with_commands() -> None:
    assert len(PAGES) >= 9
    assert len(SHELL) > 20


@pytest.mark.parametrize(("page", "line"), SHELL)
def test_every_command_and_option_exists(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    words = words[1 : next((place for place, word in enumerate(words) if word in ("2>", "|", ">")), len(words))]
    command = program.get_command(click.Context(program), words[0])
    assert command is not None, f"{page}: there is no hybrid {words[0]}; {sorted(COMMANDS)}"
    with click.Context(command) as context:
        command.make_parser(context).parse_args(words[1:])


@pytest.mark.parametrize("block", read_blocks("python"), ids=lambda block: block.page)
def test_python_can_be_read_and_imports_what_there_is(block: Block) -> None:
    compile(block.code, block.page, "exec")
    for module in re.findall(r"^from (hybrid\S*) import", block.code, re.MULTILINE):
        path = ROOT / Path(*module.split("."))
        assert path.is_dir() or path.with_suffix(".py").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    gone = [link for link in LINK.findall(page.read_text("utf-8")) if not (page.parent / link).exists()]
    assert gone == []


def test_every_page_is_in_the_list() -> None:
    listed = set(LINK.findall((DOCS / "README.md").read_text("utf-8")))
    assert listed == {page.name for page in DOCS.glob("*.md")} - {"README.md"}


def test_errors_are_quoted_as_they_are() -> None:
    """Each heading of the page on troubles holds words that some error says."""
    quoted = re.findall(r"^### `([^`]+)`", (DOCS / "troubleshooting.md").read_text("utf-8"), re.MULTILINE)
    assert len(quoted) > 12
    sources = [path.read_text("utf-8") for name in ("hybrid", "ingest") for path in (ROOT / name).rglob("*.py")]
    # A message may go on in the next line, and holds values where a reader sees them.
    joined = "\n".join(re.sub(r'"\s*\n\s*f?"', "", source) for source in sources)
    assert [words for words in quoted if words not in joined] == []


def test_javascript_can_be_read(tmp_path: Path) -> None:
    import shutil

    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    for block in read_blocks("js"):
        path = tmp_path / "block.mjs"
        path.write_text(block.code, "utf-8")
        subprocess.run([node, "--check", str(path)], check=True, capture_output=True)
