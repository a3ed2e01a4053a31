"""A server that keeps every request and answers, or fails, as the test says.

The test hands in an `Answer`: a function from a request to a reply or a fault. The functions below make the
usual ones and can be put into each other:

    with recorder(busy(2, then=forwarding(opensearch.url))) as server: ...
"""

import contextlib
import enum
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .http_server import Connection, Reply, Request, Server, error_reply, forward


class Fault(enum.Enum):
    """What a server can do instead of answering."""

    RESET = "the connection is reset"
    HANG = "the connection stays open and nothing comes"


Answer = Callable[[Request], Reply | Fault]


@dataclass(slots=True)
class Recorder:
    """A running server, the requests that it got so far, and the answer that a test may exchange."""

    url: str
    answer: Answer
    requests: list[Request] = field(default_factory=list)

    def respond(self, connection: Connection, request: Request) -> None:
        """Keep the request and do as the answer says."""
        self.requests.append(request)
        done = self.answer(request)
        if done is Fault.RESET:
            connection.reset()
        elif done is Fault.HANG:
            connection.hang()
        elif isinstance(done, Reply):
            connection.send(done)


@contextlib.contextmanager
def recorder(answer: Answer | None = None) -> Iterator[Recorder]:
    """Yield a recording server on a free port; without an answer it says 200 and `{}` to everything."""
    server = Server()
    recording = Recorder(server.url, answer or always(Reply()))
    server.respond = recording.respond
    with server.running():
        yield recording


def always(done: Reply | Fault) -> Answer:
    """Answer everything the same."""
    return lambda _: done


def forwarding(upstream: str) -> Answer:
    """Answer as the server at `upstream` does."""
    return lambda request: forward(upstream, request)


def in_turn(*answers: Answer) -> Answer:
    """Answer the first request by the first, the next by the next, and all further ones by the last."""
    numbers, lock = itertools.count(), threading.Lock()

    def answer(request: Request) -> Reply | Fault:
        with lock:
            number = next(numbers)
        return answers[min(number, len(answers) - 1)](request)

    return answer


def busy(times: int, *, then: Answer, status: int = 429, retry_after: str | None = None) -> Answer:
    """Refuse so many requests with 429 or 503, as a node under load does."""
    kind = "rejected_execution_exception" if status == 429 else "cluster_block_exception"
    headers = (("Retry-After", retry_after),) if retry_after is not None else ()
    refusal = always(error_reply(status, kind, "the node has too much to do", headers=headers))
    return in_turn(*itertools.repeat(refusal, times), then)


def limited(most: int, *, then: Answer) -> Answer:
    """Refuse a body of more than `most` bytes as OpenSearch does: 413, no body, the connection closed."""
    refusal = Reply(413, b"", (("Connection", "close"),))
    return lambda request: refusal if len(request.body) > most else then(request)


def applied_unanswered(upstream: str) -> Answer:
    """Let the server at `upstream` do what is asked, and never tell the client."""

    def answer(request: Request) -> Reply | Fault:
        forward(upstream, request)
        return Fault.HANG

    return answer


def when(matches: Callable[[Request], bool], do: Answer, *, otherwise: Answer) -> Answer:
    """Answer the requests that match by one answer and the others by the other."""
    return lambda request: (do if matches(request) else otherwise)(request)
