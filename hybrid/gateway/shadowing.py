"""What hybrid would have changed: searches in mode ``shadow`` are asked twice, and the difference is logged."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from ..errors import HybridError
from .answering import Answered, Answering
from .intake import Asked, Search
from .questioning import hash_words
from .restore import list_ids
from .rewrite import Body
from .upstream import Caller, Reply

log = logging.getLogger(__name__)

#: Comparisons under way; beyond, searches go unlogged rather than slow the page down.
_MOST = 8


class Shadowing:
    """Runs comparisons beside the answers."""

    def __init__(self, answering: Answering):
        self._answering = answering
        self._running: set[asyncio.Task[None]] = set()

    def follow(self, asked: Asked, answered: Answered, caller: Caller) -> None:
        """Start comparing what was answered with what hybrid would have answered."""
        places = [place for place, note in enumerate(answered.notes) if note.mode == "shadow" and note.reason is None]
        if places and len(self._running) < _MOST:
            task = asyncio.create_task(self._compare(asked, answered.reply, places, caller))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def settle(self) -> None:
        """Wait for the comparisons under way."""
        await asyncio.gather(*self._running)

    async def _compare(self, asked: Asked, shown: Reply, places: Sequence[int], caller: Caller) -> None:
        searches = [
            _switch_on(one) for place, one in enumerate(asked.searches) if place in places and isinstance(one, Search)
        ]
        try:
            answered = await self._answering.answer(replace(asked, searches=searches), caller)
        except HybridError as error:
            log.warning("cannot compare: %s", error)
            return
        lexical = [_responses(shown, asked)[place] for place in places]
        for search, note, before, after in zip(
            searches, answered.notes, lexical, _responses(answered.reply, asked), strict=True
        ):
            if any("_id" not in hit for hit in before.get("hits", {}).get("hits", ())):
                log.warning("cannot compare: a search of %s asks for hits without their ids", search.served.shown)
                continue
            said = {
                "index": search.served.shown,
                "text": hash_words(str(search.body.get("query"))),
                "hybrid": str(note),
            }
            log.info("shadow %s", orjson.dumps({**said, **compare(before, after)}).decode())


def compare(lexical: Body, hybrid: Body) -> dict[str, Any]:
    """Say how two answers to one search differ."""
    before, after = list_ids(lexical), list_ids(hybrid)
    return {
        "totals": [_total(lexical), _total(hybrid)],
        "same_first": before[:1] == after[:1],
        "hits": len(after),
        "new": len(set(after) - set(before)),
    }


def _switch_on(search: Search) -> Search:
    return replace(search, wishes=replace(search.wishes, mode="on"))


def _responses(reply: Reply, asked: Asked) -> list[Body]:
    answer = orjson.loads(reply.body)
    return answer.get("responses", []) if asked.several else [answer]


def _total(answer: Body) -> Any:
    total = answer.get("hits", {}).get("total")
    return total["value"] if isinstance(total, dict) else total
