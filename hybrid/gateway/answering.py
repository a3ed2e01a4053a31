"""A request from beginning to end: plan, encode, ask OpenSearch, read back.

Whatever goes wrong on the hybrid side, the answer is lexical and says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from ..errors import GatewayError
from .asking import Line, ask_all, ask_one, build_search, build_searches, is_whole
from .catalog import Catalog
from .intake import HEADER_KEYS, Asked, Search
from .plan import Lexical, Plan, agree, make_plan, to_hybrid, to_lexical
from .policy import check_vectors
from .questioning import Questioning, Wanted, hybrid_options
from .reasons import Reason
from .restore import attach_parts, build_parts_body, list_ids, read_parts, restore, strip
from .rewrite import Body, Question
from .served import Known, SearchMode
from .upstream import Caller, Reply, Upstream


@dataclass(frozen=True, slots=True)
class Note:
    """What became of a search, for ``X-Hybrid``."""

    mode: SearchMode
    reason: Reason | None = None
    #: Whether a hint named the text, or the query.
    source: str | None = None

    def __str__(self) -> str:
        said = {"reason": self.reason, "text": self.source}
        return "; ".join([self.mode, *(f"{name}={value}" for name, value in said.items() if value)])


_REFUSED = Note("off", Reason.REFUSED)


@dataclass(frozen=True, slots=True)
class Answered:
    """What goes back."""

    reply: Reply
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True)
class _Draft:
    search: Search
    #: None as long as the index has not been read.
    known: Known | None
    plan: Plan | Lexical


@dataclass(frozen=True, slots=True)
class _Step:
    """One search on its way: what is asked, and how its answer is read."""

    draft: _Draft
    line: Line
    note: Note
    #: What a hybrid search's scores are too high by, and its question.
    shift: float = 0.0
    question: Question | None = None


class Answering:
    """Answers requests."""

    def __init__(self, catalog: Catalog, upstream: Upstream, patience: float):
        self._catalog = catalog
        self._upstream = upstream
        self._questioning = Questioning(catalog, upstream, patience)

    async def answer(self, asked: Asked, caller: Caller) -> Answered:
        """Give the answer to a request, with a note for each of its searches."""
        if all(isinstance(one, Search) and one.is_transparent for one in asked.searches):
            return Answered(await self._pass_on(asked, caller), [Note("off", Reason.MODE)] * len(asked.searches))
        if "filter_path" in asked.parameters:
            raise GatewayError("filter_path passes in mode off only: the gateway has to read whole answers.")
        drafts, refused = self._draft(asked)
        if refused and not asked.several:
            raise refused[0]
        questions = await self._questioning.ask(_wanted(drafts), caller)
        if isinstance(questions, Reply):
            return Answered(questions)
        steps = {place: _make_step(draft, questions.get(place), asked) for place, draft in drafts.items()}
        answers = await self._carry_out(asked, steps, caller)
        if isinstance(answers, Reply):
            return Answered(answers)
        notes = [steps[place].note if place in steps else _REFUSED for place in range(len(asked.searches))]
        found = {**answers, **{place: error_body(error) for place, error in refused.items()}}
        return Answered(_compose(asked, [found[place] for place in sorted(found)]), notes)

    async def _pass_on(self, asked: Asked, caller: Caller) -> Reply:
        """Send a request as it came, and give the answer as it is."""
        lines = [Line(one.served.name, one.sent, one.options) for one in asked.searches if isinstance(one, Search)]
        given = {**asked.parameters, **asked.moved}
        build = build_searches(lines, given) if asked.several else build_search(lines[0], given)
        return await self._upstream.send(build, caller)

    def _draft(self, asked: Asked) -> tuple[dict[int, _Draft], dict[int, GatewayError]]:
        """Say what each search is to become, and which are refused."""
        drafts, refused = {}, {}
        for place, search in enumerate(asked.searches):
            if isinstance(search, GatewayError):
                refused[place] = search
                continue
            known = self._catalog.known(search.served)
            try:
                _check(search, known)
            except GatewayError as error:
                refused[place] = error
                continue
            drafts[place] = _Draft(search, known, _plan(search, known, asked.parameters))
        plans = agree(
            {place: draft.plan for place, draft in drafts.items()},
            {place: draft.search.served.shown for place, draft in drafts.items()},
        )
        return {place: replace(draft, plan=plans[place]) for place, draft in drafts.items()}, refused

    async def _carry_out(self, asked: Asked, steps: dict[int, _Step], caller: Caller) -> dict[int, Body] | Reply:
        """Give each search's answer as the page may see it; a hybrid search that fails is asked again as it came."""
        answers = await self._ask(asked, steps, caller)
        if isinstance(answers, Reply):
            return answers
        lexical = _fall_back(steps, answers, asked)
        if lexical:
            steps |= lexical
            again = await self._ask(asked, lexical, caller)
            if isinstance(again, Reply):
                return again
            answers |= again
        await self._show_parts(steps, answers, caller)
        for place, step in steps.items():
            restore(answers[place], step.shift)
            if step.draft.known is not None and step.draft.search.mode != "off":
                strip(answers[place], step.draft.known.hidden)
        return answers

    async def _ask(self, asked: Asked, steps: Mapping[int, _Step], caller: Caller) -> dict[int, Body] | Reply:
        lines = [step.line for step in steps.values()]
        if asked.several:
            answers = await ask_all(self._upstream, lines, asked.parameters, caller)
        else:
            answers = await ask_one(self._upstream, lines[0], asked.parameters, caller)
        return answers if isinstance(answers, Reply) else dict(zip(steps, answers, strict=True))

    async def _show_parts(self, steps: Mapping[int, _Step], answers: Mapping[int, Body], caller: Caller) -> None:
        """Add BM25 and sim to hits where that is wanted; a page that takes hits without their ids gets none."""
        lines: dict[int, Line] = {}
        for place, step in steps.items():
            question = step.question
            ids = list_ids(answers[place])
            if question is not None and ids and step.draft.search.wishes.explain:
                options = hybrid_options(question.target, question.request.question, {})
                lines[place] = Line(step.line.index, build_parts_body(question, ids), options)
        found = await ask_all(self._upstream, list(lines.values()), {}, caller)
        if not isinstance(found, Reply):
            for place, answer in zip(lines, found, strict=True):
                if is_whole(answer):
                    attach_parts(answers[place], read_parts(answer))


def error_body(error: GatewayError) -> Body:
    """Write a refusal as OpenSearch would."""
    cause = {"type": error.kind, "reason": str(error)}
    return {"error": {"root_cause": [cause], **cause}, "status": error.status}


def _check(search: Search, known: Known | None) -> None:
    """Refuse a search that could bring vectors; mode off changes nothing."""
    if search.mode == "off":
        return
    if known is None:
        # What the fields are called that must not leave is not known yet.
        said = "The index has not been read yet; /healthz says why."
        raise GatewayError(said, status=503, kind="gateway_exception")
    check_vectors(search.body, known.vector_fields)


def _plan(search: Search, known: Known | None, parameters: Mapping[str, str]) -> Plan | Lexical:
    if search.mode == "off" or known is None:
        return Lexical(Reason.MODE)
    if known.target is None:
        return Lexical(Reason.NOT_READY)
    return make_plan(search.body, parameters, search.wishes, known)


def _wanted(drafts: Mapping[int, _Draft]) -> dict[int, Wanted]:
    """Give the searches that are to become hybrid, and can."""
    return {
        place: Wanted(draft.search, draft.plan, draft.known.target)
        for place, draft in drafts.items()
        if draft.search.mode == "on" and isinstance(draft.plan, Plan) and draft.known and draft.known.target
    }


def _make_step(draft: _Draft, question: Question | Reason | None, asked: Asked) -> _Step:
    """Build what is asked for a search: hybrid with a question, or else lexical."""
    search, known, plan = draft.search, draft.known, draft.plan
    if isinstance(question, Question) and isinstance(plan, Plan) and known is not None:
        rewritten = to_hybrid(search.body, plan, question, known)
        given = search.options if asked.several else {n: v for n, v in asked.parameters.items() if n in HEADER_KEYS}
        line = Line(search.served.name, rewritten.body, hybrid_options(question.target, plan.text.words, given))
        return _Step(draft, line, Note("on", source=plan.text.source), rewritten.shift, question)
    hidden = known.hidden if known is not None and search.mode != "off" else ()
    body = search.sent if search.is_transparent else to_lexical(search.body, search.served, hidden)
    reason = question if isinstance(question, Reason) else plan.reason if isinstance(plan, Lexical) else None
    # A search in the shadow that could have been hybrid says where its text stands, and no reason.
    mode: SearchMode = "shadow" if search.mode == "shadow" else "off"
    source = plan.text.source if isinstance(plan, Plan) and mode == "shadow" else None
    return _Step(draft, Line(search.served.name, body, search.options), Note(mode, reason, source))


def _fall_back(steps: Mapping[int, _Step], answers: Mapping[int, Body], asked: Asked) -> dict[int, _Step]:
    """Give lexical steps for hybrid searches that failed, and for those that have to agree with them."""
    hybrid = {place: step.question for place, step in steps.items() if step.question is not None}
    failed = {place for place in hybrid if not is_whole(answers[place])}
    spoilt = {(hybrid[place].target.name, hybrid[place].request.question) for place in failed}
    return {
        place: _make_step(steps[place].draft, Reason.UPSTREAM if place in failed else Reason.COMPANION, asked)
        for place, question in hybrid.items()
        if (question.target.name, question.request.question) in spoilt
    }


def _compose(asked: Asked, answers: Sequence[Body]) -> Reply:
    """Write the answer to a whole request."""
    headers = {"content-type": "application/json; charset=UTF-8"}
    if asked.several:
        took = max((answer.get("took", 0) for answer in answers), default=0)
        return Reply(200, orjson.dumps({"took": took, "responses": answers}), headers)
    (answer,) = answers
    status: int = answer["status"]
    if "error" not in answer:
        answer = {name: value for name, value in answer.items() if name != "status"}
    return Reply(status, orjson.dumps(answer), headers)
