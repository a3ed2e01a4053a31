"""An index of the real node, seen through a server that fails as a test says."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hybrid import Passage, open_index
from hybrid.engines.contract import Index
from hybrid.settings import Settings
from tests.services.http_server import Reply, Request
from tests.services.recorder import Answer, Fault, Recorder, forwarding, recorder, when

#: Seconds to wait for an answer: short where none will come, long enough for the node to do the work.
PATIENCE = 2.0


def upstream_of(address: str) -> str:
    return address.rpartition("/")[0]


def name_of(address: str) -> str:
    return address.rpartition("/")[2]


def passages(count: int, *, start: int = 0, **common: Any) -> list[Passage]:
    return [Passage(id=f"p{number:04}", text=f"passage {number}", **common) for number in range(start, start + count)]


def count(raw: Any, address: str) -> int:
    raw.indices.refresh(index=name_of(address))
    return int(raw.count(index=name_of(address))["count"])


def is_bulk(request: Request) -> bool:
    return request.path.partition("?")[0].endswith("/_bulk")


def bulk_requests(server: Recorder) -> int:
    return sum(map(is_bulk, server.requests))


@contextlib.contextmanager
def index_behind(
    address: str,
    fault: Callable[[Answer], Answer],
    *,
    matches: Callable[[Request], bool] = is_bulk,
    timeout: float = PATIENCE,
) -> Iterator[tuple[Index, Recorder]]:
    """Open the index at ``address`` through a server whose matching requests meet a fault.

    ``fault`` is given the honest answer, to put it into a faulty one.
    """
    honest = forwarding(upstream_of(address))
    answer = when(matches, fault(honest), otherwise=honest)
    with recorder(answer) as server:
        faulty = f"{server.url}/{name_of(address)}"
        with open_index(faulty, settings=Settings(opensearch_timeout=timeout)) as index:
            yield index, server


def rewriting(honest: Answer, change: Callable[[Any], None]) -> Answer:
    """Answer honestly, but change the JSON on its way back."""

    def answer(request: Request) -> Reply | Fault:
        reply = honest(request)
        if not isinstance(reply, Reply):
            return reply
        body = json.loads(reply.body)
        change(body)
        return Reply(reply.status, json.dumps(body).encode())

    return answer


def scripted_items(honest: Answer, refusals: Mapping[str, Sequence[Mapping[str, Any]]]) -> Answer:
    """Refuse items of a bulk by id, once for each verdict that is given; the others go on to the node."""
    left = {one: list(verdicts) for one, verdicts in refusals.items()}

    def answer(request: Request) -> Reply | Fault:
        lines = request.body.splitlines(keepends=True)
        pairs = [(json.loads(lines[at])["index"]["_id"], lines[at] + lines[at + 1]) for at in range(0, len(lines), 2)]
        refused = {one: left[one].pop(0) for one, _ in pairs if left.get(one)}
        kept = b"".join(payload for one, payload in pairs if one not in refused)
        done: Iterator[Any] = iter(())
        if kept:
            reply = honest(Request(request.method, request.path, request.headers, kept))
            assert isinstance(reply, Reply)
            done = iter(json.loads(reply.body)["items"])
        items = [{"index": {"_id": one, **refused[one]}} if one in refused else next(done) for one, _ in pairs]
        return Reply(200, json.dumps({"took": 1, "errors": bool(refused), "items": items}).encode())

    return answer
