"""The hybrid search body: a search page's body in, the same search with both sides out.

What is found: whatever the page's own query finds, and the passages of the admitted dense set that meet the same
conditions. How it is ranked: every hit by the whole query with the hybrid score in the text's place.

The first phase finds the hits, with the dense ones ahead so that they are sure to be rescored; the second phase gives
each its true score.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..engines.opensearch import queries
from ..engines.opensearch.queries import Target
from ..fusion import PAPER_DEPTH
from ..passages import ID
from ..requests import SearchRequest
from .clauses import Clause
from .sites import Site

Body = dict[str, Any]
#: Passages of the dense set.
Ids = tuple[str, ...]
#: What scores the text: BM25 over the passage's contents, as the profile says, or the page's own clauses.
Side = Literal["profile", "body"]

#: Hits of a shard that get their hybrid score; a page that ends beyond is lexical.
WINDOW = 2 * PAPER_DEPTH
#: Lifts every dense hit over every lexical one in the first phase.
_AHEAD = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """The user's text, ready to be searched for by meaning."""

    #: The text, its vector and λ.
    request: SearchRequest
    target: Target
    #: The dense set: passages that sim alone may add.
    admitted: Ids
    side: Side = "profile"
    #: What every passage must meet, whatever the body says.
    required: Clause | None = None


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A hybrid body, and what its scores are too high by."""

    body: Body
    shift: float


def rewrite(body: Mapping[str, Any], site: Site, question: Question) -> Rewritten:
    """Give the hybrid body; everything that is not the query, and what only a query needs, stays as it is."""
    changed = {name: value for name, value in body.items() if name != "sort"}
    changed["query"] = site.put(_find(site.text, question))
    if body.get("size") != 0:
        changed["rescore"] = _rescore(site.put(_score(site, question)))
    return Rewritten(changed, _shift(site, question))


def _find(text: Clause, question: Question) -> Clause:
    """Build what finds hits in the text's place: the page's clauses or the dense set."""
    near = _admitted(question)
    if question.side == "body":
        return {"bool": {"should": [text, near], "minimum_should_match": 1}}
    found = {"constant_score": {"filter": text, "boost": 0}}
    either = {"bool": {"should": [found, near], "minimum_should_match": 1}}
    return {"bool": {"must": [either], "should": [queries.match(question.request, question.target)]}}


def _score(site: Site, question: Question) -> Clause:
    """Build what scores hits in the text's place; it matches every passage."""
    sim = queries.sim_of_any(question.request, question.target, clipped=not site.adds)
    text = site.text if question.side == "body" else queries.match(question.request, question.target)
    return {"bool": {"must": [sim], "should": [text]}}


def _admitted(question: Question) -> Clause:
    """Build the dense set; it is the same in every search, and takes every filter as other clauses do."""
    return {"terms": {ID: list(question.admitted), "boost": _AHEAD}}


def _rescore(query: Clause) -> Clause:
    weights = {"query_weight": 0, "rescore_query_weight": 1}
    return {"window_size": WINDOW, "query": {**weights, "rescore_query": query}}


def _shift(site: Site, question: Question) -> float:
    if not site.adds:
        return 0.0
    return site.factor * queries.shift(question.request, question.target.profile)
