"""``/v1``: searches, answers and vectors for clients in other languages, or without a model of their own."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..engines.opensearch.queries import Target
from ..engines.opensearch.search import search
from ..errors import EncoderMismatchError, GatewayError, ModelError, UsageError
from ..page.about import describe_index, describe_trouble
from ..passages import SearchResult, to_json
from ..profile import Profile
from ..reader.answers import AskResult, ReadRequest
from ..reader.answers import to_json as answers_to_json
from ..requests import SearchOptions, make_request
from .answering import Note
from .catalog import Catalog
from .intake import read_object
from .policy import Policy
from .questioning import hash_words
from .reading import Reading
from .reasons import Reason
from .restore import drop
from .rewrite import Body
from .served import Served
from .upstream import Caller, Upstream
from .v1_body import read_asking, read_index, read_question, write_profile

#: Questions in one request for vectors.
_MOST_QUESTIONS = 256
#: Seconds that they may take.
_ENCODING_SECONDS = 30.0


class V1:
    """Answers requests under ``/v1``."""

    def __init__(
        self,
        served: Mapping[str, Served],
        policy: Policy,
        catalog: Catalog,
        upstream: Upstream,
        reading: Reading,
        patience: float,
    ):
        self._served = served
        self._policy = policy
        self._catalog = catalog
        self._upstream = upstream
        self._reading = reading
        self._patience = patience

    async def profile(self, sent: bytes) -> Body:
        """Give what an index says of itself."""
        served, target = self._find(read_object(sent, self._policy.limits))
        return write_profile(served.shown, _weighed(target, served))

    def indexes(self) -> Body:
        """Describe all indexes, for clients that do not know what there is."""
        return {
            "indexes": [self._describe(served) for served in self._served.values()],
            "answers": self._reading.has_reader,
        }

    async def encode(self, sent: bytes) -> Body:
        """Give vectors for questions, and the name of the encoder pair they belong to."""
        body = read_object(sent, self._policy.limits)
        _, target = self._find(body)
        texts = body.get("questions")
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise GatewayError('Say {"index": NAME, "questions": [TEXT, …]}.')
        if len(texts) > _MOST_QUESTIONS:
            raise GatewayError(f"{len(texts)} questions are too many at once; {_MOST_QUESTIONS} is the most.")
        try:
            async with asyncio.timeout(_ENCODING_SECONDS):
                vectors = await asyncio.gather(*(self._encode(target, text) for text in texts))
        except (TimeoutError, ModelError) as error:
            raise _no_vector(error) from error
        return {"pair_id": target.profile.pair_id, "vectors": vectors}

    async def search(self, sent: bytes, caller: Caller) -> tuple[Body, Note]:
        """Rank passages for a question by the exact contract; without an encoder by BM25, which the answer says."""
        body = read_object(sent, self._policy.limits)
        question, options = read_question(body)
        found, note = await self._rank(body, question, options, caller)
        told = to_json(found)
        self._hide(told["hits"], body)
        return told, note

    async def ask(self, sent: bytes, caller: Caller) -> tuple[Body, Note]:
        """Answer a question from the passages that such a search finds."""
        started = time.perf_counter()
        body = read_object(sent, self._policy.limits)
        question, options, reading = read_asking(body)
        found, note = await self._rank(body, question, options, caller)
        name, answers = await self._reading.read(ReadRequest.of(question, found.hits, reading))
        took = (time.perf_counter() - started) * 1000
        told = answers_to_json(AskResult(question, answers, found, name, took))
        self._hide(told["hits"], body)
        return told, note

    async def _rank(
        self, body: Body, question: str, options: SearchOptions, caller: Caller
    ) -> tuple[SearchResult, Note]:
        served, target = self._find(body)
        self._restrict(options, served)
        note = await self._complete(question, options, target)
        try:
            request = make_request(question, target.profile, **options)
        except (UsageError, EncoderMismatchError) as error:
            raise GatewayError(str(error)) from error
        preference = f"hybrid-{hash_words(question)}"
        return await self._upstream.carry_out(search(target, request, preference), caller), note

    def _describe(self, served: Served) -> Body:
        known = self._catalog.known(served)
        if known is None or known.target is None:
            return describe_trouble(served.shown, "it cannot be searched by meaning (yet)")
        return describe_index(served.shown, _weighed(known.target, served), filterable=known.filterable)

    def _find(self, body: Body) -> tuple[Served, Target]:
        name = read_index(body)
        served = self._served.get(name)
        if served is None:
            raise GatewayError(f"no such index [{name}]", status=404, kind="index_not_found_exception")
        known = self._catalog.known(served)
        if known is None or known.target is None:
            raise GatewayError("The index cannot be searched by meaning (yet); see /healthz.", status=503)
        return served, known.target

    def _restrict(self, options: SearchOptions, served: Served) -> None:
        """Refuse what must not pass, and add what the index was told to be served with."""
        given: Any = options.get("filter") or []
        filters = given if isinstance(given, list) else [given]
        page = {"query": {"bool": {"filter": filters}}, "size": options.get("k", 10)}
        self._policy.check(page, required=served.required is not None)
        options["filter"] = [*filters, *([served.required] if served.required is not None else [])]
        if options.get("lam") is None:
            options["lam"] = served.lam

    def _hide(self, hits: Iterable[Body], body: Body) -> None:
        """Take vectors out of metadata, in place; of an adopted index all of a document's own fields stand there."""
        served, target = self._find(body)
        known = self._catalog.known(served)
        where = "meta." if target.profile.text_fields else ""
        for field in known.vector_fields if known is not None else ():
            for hit in hits:
                drop(hit, f"{where}{field}")

    async def _complete(self, question: str, options: SearchOptions, target: Target) -> Note:
        """Give the options a vector, or make them lexical; in mode lexical it only lets every hit show its sim."""
        mode = options.get("mode", "hybrid")
        note = Note("off", Reason.MODE) if mode == "lexical" else Note("on")
        if options.get("vector") is not None:
            return note
        try:
            options["vector"] = await asyncio.wait_for(self._encode(target, question), self._patience)
        except (TimeoutError, ModelError) as error:
            if mode == "dense":
                raise _no_vector(error) from error
            options["mode"] = "lexical"
            return Note("off", Reason.ENCODER)
        return note

    async def _encode(self, target: Target, text: str) -> Any:
        questions = self._catalog.questions(target)
        if questions is None:
            raise ModelError("The encoder is not loaded.")
        return await questions.encode(text)


def _no_vector(error: Exception) -> GatewayError:
    said = "the encoder did not answer in time." if isinstance(error, TimeoutError) else str(error)
    return GatewayError(f"No vector: {said}", status=503, kind="encoder_exception")


def _weighed(target: Target, served: Served) -> Profile:
    """Give a profile with the λ that the index is served with."""
    return target.profile if served.lam is None else replace(target.profile, lam=served.lam)
