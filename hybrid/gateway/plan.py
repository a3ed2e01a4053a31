"""From one search to what OpenSearch is asked: pure, a body in, a ``Plan`` out.

What the vector of a question is does not matter here; where it will go, and whether it is wanted at all, does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .find_text import Text, find_text
from .obstacles import find_obstacle
from .reasons import Reason
from .restrict import hide, keep_highlights, require
from .rewrite import Body, Question, Rewritten, rewrite
from .served import Known, Served
from .sites import Site, find_site
from .wishes import Wishes

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Plan:
    """A search that can become hybrid, and how."""

    text: Text
    site: Site


@dataclass(frozen=True, slots=True)
class Lexical:
    """A search that stays as it is, and why."""

    reason: Reason
    #: The text, if one was found.
    words: str | None = None


def make_plan(body: Mapping[str, Any], parameters: Mapping[str, str], wishes: Wishes, known: Known) -> Plan | Lexical:
    """Say how a body becomes hybrid, or why it cannot."""
    text = find_text(body.get("query"), known.text_fields, wishes.hint)
    obstacle = find_obstacle(body, parameters)
    if isinstance(text, Reason):
        return Lexical(obstacle or text)
    site = obstacle or find_site(body["query"], text)
    return Lexical(site, text.words) if isinstance(site, Reason) else Plan(text, site)


def agree(plans: Mapping[K, Plan | Lexical], names: Mapping[K, str]) -> dict[K, Plan | Lexical]:
    """Make the searches of one request agree: where one for a text has to be lexical, all for that text are.

    A page asks for its hits and for each of its facets in searches of their own; together they must make sense.
    ``names`` says which index each search is for.
    """
    lexical = {(names[key], one.words) for key, one in plans.items() if isinstance(one, Lexical)}
    return {
        key: Lexical(Reason.COMPANION, one.text.words)
        if isinstance(one, Plan) and (names[key], one.text.words) in lexical
        else one
        for key, one in plans.items()
    }


def to_hybrid(body: Mapping[str, Any], plan: Plan, question: Question, known: Known) -> Rewritten:
    """Give the hybrid body."""
    rewritten = rewrite(body, plan.site, question)
    return Rewritten(_finish(rewritten.body, body, question.required, known.hidden), rewritten.shift)


def to_lexical(body: Mapping[str, Any], served: Served, hidden: Sequence[str]) -> Body:
    """Give the body that answers as OpenSearch would, within what the index requires."""
    return _finish(body, body, served.required, hidden)


def _finish(body: Mapping[str, Any], own: Mapping[str, Any], required: Any, hidden: Sequence[str]) -> Body:
    found = require(body, required)
    marked = keep_highlights(found, own.get("query")) if found.get("query") != own.get("query") else found
    return hide(marked, hidden) if hidden else marked
