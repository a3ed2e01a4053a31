"""From plans to questions: vectors and dense sets for the texts of a request, each of them once."""

import asyncio
import hashlib
import logging
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ..engines.opensearch.queries import Target
from ..errors import ModelError, UsageError
from ..passages import Vector
from ..requests import SearchRequest, make_request
from .admitted import Admitted, build_nearest_body, read_nearest
from .asking import Line, ask_all, is_whole
from .catalog import Catalog
from .encoding import name_encoding
from .intake import Search
from .plan import Plan
from .reasons import Reason
from .rewrite import Body, Ids, Question
from .upstream import Caller, Reply, Upstream

log = logging.getLogger(__name__)
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search that is to become hybrid."""

    search: Search
    plan: Plan
    target: Target

    @property
    def words(self) -> str:
        """The text."""
        return self.plan.text.words

    @property
    def encoded_as(self) -> tuple[str, str]:
        """What its vector depends on."""
        return name_encoding(self.target.profile), self.words

    @property
    def admitted_as(self) -> tuple[str, str]:
        """What its dense set depends on, for one caller."""
        return self.search.served.shown, self.words


class Questioning:
    """Makes questions of texts."""

    def __init__(self, catalog: Catalog, upstream: Upstream, patience: float):
        self._catalog = catalog
        self._upstream = upstream
        self._admitted = Admitted()
        #: Seconds that an answer may wait for vectors.
        self._patience = patience

    async def ask(self, wanted: Mapping[K, Wanted], caller: Caller) -> dict[K, Question | Reason] | Reply:
        """Give a question for each search, or why there is none; a ``Reply`` if the cluster turns the caller away."""
        texts = {one.encoded_as: one for one in wanted.values()}
        vectors = dict(zip(texts, await asyncio.gather(*map(self._encode, texts.values())), strict=True))
        requests = {key: _make_request(one, vectors[one.encoded_as]) for key, one in wanted.items()}
        sets = await self._find_sets(wanted, requests, caller)
        if isinstance(sets, Reply):
            return sets
        return {
            key: request if isinstance(request, Reason) else _make_question(one, request, sets[one.admitted_as])
            for (key, one), request in zip(wanted.items(), requests.values(), strict=True)
        }

    async def _encode(self, wanted: Wanted) -> Vector | Reason:
        questions = self._catalog.questions(wanted.target)
        if questions is None:
            return Reason.ENCODER
        try:
            return await asyncio.wait_for(questions.encode(wanted.words), self._patience)
        except (TimeoutError, ModelError):
            return Reason.ENCODER

    async def _find_sets(
        self, wanted: Mapping[K, Wanted], requests: Mapping[K, SearchRequest | Reason], caller: Caller
    ) -> dict[tuple[str, str], Ids | Reason] | Reply:
        """Give each dense set; those that are not known are asked for together."""
        found: dict[tuple[str, str], Ids | Reason] = {}
        missing: dict[tuple[str, str], tuple[Wanted, SearchRequest]] = {}
        for key, one in wanted.items():
            request = requests[key]
            known = self._admitted.get(one.search.served, caller.identity, one.words)
            if known is not None:
                found[one.admitted_as] = known
            elif not isinstance(request, Reason):
                missing[one.admitted_as] = one, request
        lines = [_nearest_line(one, request) for one, request in missing.values()]
        answers = await ask_all(self._upstream, lines, {}, caller)
        if isinstance(answers, Reply):
            return answers
        for (one, _), answer in zip(missing.values(), answers, strict=True):
            found[one.admitted_as] = self._remember(one, answer, caller)
        return found

    def _remember(self, one: Wanted, answer: Body, caller: Caller) -> Ids | Reason:
        if not is_whole(answer):
            return Reason.UPSTREAM
        ids = read_nearest(answer, one.search.served, one.target.profile)
        self._admitted.put(one.search.served, caller.identity, one.words, ids)
        return ids


def hybrid_options(target: Target, words: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give what stands beside a hybrid search: whole results, global statistics, the same copies for every page."""
    options = {"preference": f"hybrid-{hash_words(words)}", **given, "allow_partial_search_results": False}
    return options if target.shards == 1 else {"search_type": "dfs_query_then_fetch", **options}


def hash_words(words: str) -> str:
    """Name a text without saying it."""
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _nearest_line(one: Wanted, request: SearchRequest) -> Line:
    body = build_nearest_body(request, one.target, one.search.served)
    return Line(one.search.served.name, body, hybrid_options(one.target, one.words, {}))


def _make_request(one: Wanted, vector: Vector | Reason) -> SearchRequest | Reason:
    if isinstance(vector, Reason):
        return vector
    lam = one.search.wishes.lam if one.search.wishes.lam is not None else one.search.served.lam
    try:
        return make_request(one.words, one.target.profile, vector=vector, lam=lam)
    except UsageError as error:
        log.warning("%s: %s", one.search.served.shown, error)
        return Reason.VECTOR


def _make_question(one: Wanted, request: SearchRequest, ids: Ids | Reason) -> Question | Reason:
    if isinstance(ids, Reason):
        return ids
    served = one.search.served
    side = one.search.wishes.side or served.side
    return Question(request, one.target, ids, side, served.required)
