"""What the cluster is asked, and what it does for that in its own words: the actions that its roles are made of."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.services.http_server import Reply, Request, forward
from tests.services.node import start_node
from tests.services.recorder import Fault, recorder

#: A node that is told to notes every action that it begins.
NOTING = {"logger.org.opensearch.tasks.TaskManager": "TRACE"}
_BEGUN = re.compile(r"TaskManager\] register \d+ \[\w+\] \[([a-z_:/]+(?:\[\w+(?:/\w+)*\])?)\]")
#: What nodes do among themselves, in nobody's name.
_INTERNAL = ("internal:", "indices:admin/seq_no/", "retention_lease")
#: What the security plugin wants besides, which is no action of its own: by item of a bulk, and for an alias.
_ITEMS = {kind: f"indices:data/write/{kind}" for kind in ("index", "update", "delete")}
_ALIASES = "indices:admin/aliases"


@dataclass(frozen=True, slots=True)
class Overheard:
    """One call, and the actions that somebody must be allowed to take for it."""

    who: str
    method: str
    path: str
    actions: frozenset[str]

    @property
    def indexes(self) -> tuple[str, ...]:
        """The names of indexes in the address."""
        first = self.path.split("/")[1].partition("?")[0]
        return tuple(first.split(",")) if first and not first.startswith("_") else ()


@dataclass(slots=True)
class Ear:
    """Passes calls on to a node, one after the other, and keeps what the node says about each."""

    node: str
    log: Path
    url: str = ""
    #: Who calls now; a call with an ``Authorization`` is a caller's of the gateway.
    who: str = ""
    heard: list[Overheard] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply | Fault:
        """Answer as the node does."""
        with self._turn:
            before = self.log.stat().st_size
            reply = forward(self.node, request)
            said = self.log.read_bytes()[before:].decode("utf-8", errors="replace")
            begun = {one for one in _BEGUN.findall(said) if not one.startswith(_INTERNAL)}
            who = "callers" if request.header("authorization") else self.who
            path = request.path.partition("?")[0]
            self.heard.append(Overheard(who, request.method, path, frozenset(begun | _imply(request))))
            return reply

    def actions(self, *who: str) -> frozenset[str]:
        """Give all that was done for somebody."""
        return frozenset(action for one in self.heard if one.who in who for action in one.actions)


@contextlib.contextmanager
def overhearing() -> Iterator[Ear]:
    """Yield an ear before a node of the test's own."""
    node = start_node(settings=NOTING)
    try:
        ear = Ear(node.url, node.plan.log)
        with recorder(ear.answer) as server:
            ear.url = server.url
            yield ear
    finally:
        node.stop()


def _imply(request: Request) -> set[str]:
    path = request.path.partition("?")[0]
    if path.endswith("/_bulk"):
        heads = (json.loads(line) for line in request.body.splitlines())
        return {_ITEMS[kind] for head in heads for kind in head if kind in _ITEMS and "_id" in (head[kind] or {})}
    if request.method == "PUT" and path.count("/") == 1 and b'"aliases"' in request.body:
        return {_ALIASES}
    return set()
