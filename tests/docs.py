"""The pages that are read, cut into their blocks of code."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])
_BLOCK = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code; ``use`` says what a test does with it besides reading it."""

    page: str
    language: str
    use: str
    code: str

    @property
    def commands(self) -> list[str]:
        """The lines of a shell, those that go on in the next one put together."""
        return [line for line in self.code.replace("\\\n", " ").splitlines() if line.strip()]


def read_page(path: Path) -> list[Block]:
    """Give the blocks of one page."""
    return [
        Block(path.name, language, said.strip(), code)
        for language, said, code in _BLOCK.findall(path.read_text("utf-8"))
    ]


def read_blocks(*languages: str, use: str | None = None) -> list[Block]:
    """Give the blocks in some languages."""
    blocks = [one for page in PAGES for one in read_page(page)]
    return [one for one in blocks if one.language in languages and use in (None, one.use)]
