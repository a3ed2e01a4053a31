"""A page's own clauses as the side that scores text: a body as the page sends it in, clauses for any question out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from .clauses import Clause, Path, put_at
from .find_text import find_strings, find_text
from .reasons import Reason
from .sites import find_site


@dataclass(frozen=True, slots=True)
class PageText:
    """The clauses that hold the text of one body, and where in them it stands."""

    clause: Clause
    places: tuple[Path, ...]

    def __call__(self, question: str) -> Clause:
        """Give the clauses as the page would send them for another question."""
        asked = self.clause
        for place in self.places:
            asked = put_at(asked, place, question)
        return asked


def read_page_text(body: Any, fields: Collection[str]) -> PageText:
    """Find the clauses by which the gateway would score the text; ``fields`` are the index's text fields."""
    query = body.get("query") if isinstance(body, Mapping) else None
    text = find_text(query, fields)
    if isinstance(text, Reason):
        raise UsageError(f"The page's search has no text that can be asked by meaning: {text}.")
    site = find_site(query, text)
    if isinstance(site, Reason):
        raise UsageError(f"The page's search stays lexical: {site}.")
    if not site.adds:
        raise UsageError("The page multiplies the text's score by others, so no λ holds for it; tune without --page.")
    return PageText(site.text, find_strings(site.text, fields, text.words))
