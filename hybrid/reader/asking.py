"""A question in, an ``AskResult`` out: search, then read the hits, here or on a reader worker."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from ..errors import DeadlineError, UsageError
from ..messages import READ_QUEUE
from ..passages import SearchResult
from ..requests import SearchOptions, check_words
from ..settings import Settings, read_settings
from .answers import Answer, AskResult, ReadOptions, ReadRequest, Rule

#: Passages that are read.
K = 20
#: Seconds to wait for a reader worker.
DEADLINE = 30.0
_NOBODY = (
    "No reader worker is running; start one (celery -A workers.app worker -Q read), or read passages here (--here)."
)


class AskOptions(SearchOptions, total=False):
    """What ``ask`` may be given besides the question: all that a search may, and how to read."""

    #: Answers to give, at most.
    answers: int
    #: ``passage`` takes the best span of the best passage, ``sum`` adds up what all passages say of an answer.
    rule: Rule | None
    #: A passage counts ``beta`` · relevance + ``gamma`` · the retriever's score.
    beta: float | None
    gamma: float | None
    #: Tokens of the longest answer.
    longest: int | None
    #: Answers with less confidence, or a lower score, are left out.
    threshold: float | None
    least_score: float | None
    #: The reader to use: a folder, or the id of a model. Whoever names one reads here.
    reader: str | None
    #: True reads in this process, False on a worker; by default a folder is read in this process, and a cluster by a
    #: worker where a broker is set up.
    here: bool | None
    #: Seconds to wait for a worker.
    deadline: float


_READING = tuple(ReadOptions.__slots__)
_PLACE = ("reader", "here", "deadline")


def ask(
    search: Callable[..., SearchResult], settings: Settings | None, question: str, options: AskOptions
) -> AskResult:
    """Answer a question from what ``search`` finds for it."""
    started = time.perf_counter()
    wanted, searching = split_options(question, options)
    found = search(question, **searching)
    name, answers = read(ReadRequest.of(question, found.hits, wanted), settings or read_settings(), options)
    return AskResult(question, answers, found, name, (time.perf_counter() - started) * 1000)


async def ask_async(
    search: Callable[..., Awaitable[SearchResult]], settings: Settings | None, question: str, options: AskOptions
) -> AskResult:
    """Do the same for asyncio; passages are read in a thread."""
    started = time.perf_counter()
    wanted, searching = split_options(question, options)
    found = await search(question, **searching)
    request = ReadRequest.of(question, found.hits, wanted)
    name, answers = await asyncio.to_thread(read, request, settings or read_settings(), options)
    return AskResult(question, answers, found, name, (time.perf_counter() - started) * 1000)


def split_options(question: str, options: AskOptions) -> tuple[ReadOptions, SearchOptions]:
    """Give what is the reader's and what is the search's; refused before anything is searched, if wrong."""
    check_words(question)
    if options.get("text") is False:
        raise UsageError("Without their text passages cannot be read; leave text out.")
    if not options.get("deadline", DEADLINE) > 0:
        raise UsageError(f"deadline is {options['deadline']}; say a number of seconds above 0.")
    if options.get("reader") is not None and options.get("here") is False:
        raise UsageError("A worker has its own reader (HYBRID_READER); name one only to read here.")
    given: dict[str, Any] = dict(options)
    reading = ReadOptions(**{name: given.pop(name) for name in _READING if name in given})
    for name in _PLACE:
        given.pop(name, None)
    return reading, cast(SearchOptions, {"k": K, **given})


def read(request: ReadRequest, settings: Settings, options: AskOptions) -> tuple[str, Sequence[Answer]]:
    """Find answers in passages: here, or on a worker; gives who answered as well."""
    reader, here = options.get("reader"), options.get("here")
    if here is None:
        here = reader is not None or not settings.has_broker
    if here:
        from .reader import open_reader

        found = open_reader(reader or settings.reader)
        return found.name, found.read([request])[0]
    from ..queue import open_broker
    from ..queue.signs import is_heard
    from .mail import ask_workers

    with open_broker(settings) as broker:
        if not is_heard(broker, READ_QUEUE):
            raise DeadlineError(_NOBODY)
        reply = ask_workers(broker, request, options.get("deadline", DEADLINE))
    return reply.reader, reply.answers
