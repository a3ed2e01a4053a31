"""What the gateway knows of its indexes, and the encoders of their questions; read again from time to time."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any

from ..engines.opensearch.calls import Call, Conversation, ask
from ..engines.opensearch.lifecycle import open_target
from ..engines.opensearch.queries import Target
from ..errors import HybridError, IndexStateError
from ..profile import Profile
from .encoding import Load, Questions, name_encoding
from .served import Known, Served, read_known
from .upstream import Upstream

log = logging.getLogger(__name__)

#: Seconds after which a profile may have changed: a new encoder, a longer vector; and after which what is missing may
#: have come.
_PERIOD = 30.0
_SOON = 3.0


class Catalog:
    """The indexes that are served, as the cluster describes them."""

    def __init__(self, served: Mapping[str, Served], upstream: Upstream, load: Load):
        self._served = served
        self._upstream = upstream
        self._load = load
        self._known: dict[str, Known] = {}
        self._questions: dict[str, Questions] = {}
        self._troubles: dict[str, str] = {}
        self._told: dict[str, str] = {}

    def known(self, served: Served) -> Known | None:
        """Give what is known of an index."""
        return self._known.get(served.name)

    def questions(self, target: Target) -> Questions | None:
        """Give what encodes questions for an index, if it is ready."""
        found = self._questions.get(name_encoding(target.profile))
        return found if found is not None and found.ready else None

    async def keep_fresh(self) -> None:
        """Read everything again and again."""
        while True:
            await self.refresh()
            await asyncio.sleep(_PERIOD if self._tell() else _SOON)

    async def refresh(self) -> None:
        """Read every index, and load the encoders that are missing; what fails is tried again next time."""
        names = {served.name for served in self._served.values()}
        # Fields and profiles come first: an index is searched lexically while its encoder is loaded.
        for name in names:
            await self._try(name, self._read(name))
        profiles = [known.target.profile for known in self._known.values() if known.target]
        wanted = {name_encoding(profile): profile for profile in profiles}
        for encoding, profile in wanted.items():
            await self._try(encoding, self._open_encoder(encoding, profile))
        for encoding in self._questions.keys() - wanted.keys():
            self._questions.pop(encoding).close()

    def _tell(self) -> bool:
        """Log what has changed, and tell whether everything is ready."""
        state = self.describe()
        for shown, said in state["indexes"].items():
            if self._told.get(shown) != said:
                log.info("%s: %s", shown, said)
        self._told = state["indexes"]
        return bool(state["status"] == "ready")

    def describe(self) -> dict[str, Any]:
        """Say what works, for ``/healthz``."""
        indexes = {shown: self._judge(one) for shown, one in self._served.items()}
        ready = all(state == "ready" for state in indexes.values())
        return {"status": "ready" if ready else "not ready", "indexes": indexes}

    def close(self) -> None:
        """Let the encoders go."""
        for questions in self._questions.values():
            questions.close()

    async def _read(self, name: str) -> None:
        self._known[name] = await self._upstream.carry_out(_read_index(name))

    async def _open_encoder(self, encoding: str, profile: Profile) -> None:
        if encoding not in self._questions:
            self._questions[encoding] = Questions(profile, self._load)
        await self._questions[encoding].open()

    async def _try(self, what: str, step: Awaitable[None]) -> None:
        """Do a step, and keep what is wrong with it."""
        trouble = ""
        try:
            await step
        except HybridError as error:
            trouble = str(error)
        except Exception as error:
            log.exception("cannot read %s", what)
            trouble = f"The gateway failed ({type(error).__name__}); its log says why."
        self._troubles[what] = trouble

    def _judge(self, served: Served) -> str:
        """Say what is missing of an index; in mode off nothing but the index itself is needed."""
        known, trouble = self._known.get(served.name), self._troubles.get(served.name)
        if known is None or trouble:
            return trouble or "not read yet"
        if served.mode == "off":
            return "ready"
        if known.target is None:
            return known.trouble
        if self.questions(known.target) is None:
            return self._troubles.get(name_encoding(known.target.profile)) or "its encoder is not loaded yet"
        return "ready"


def _read_index(name: str) -> Conversation[Known]:
    """Read an index; one without a profile is known by its fields only, and always lexical."""
    mappings = yield from ask(Call("GET", f"/{name}/_mapping"), what=f"read the mapping of {name}")
    try:
        target = yield from open_target(name)
    except IndexStateError as error:
        return read_known(None, mappings, str(error))
    return read_known(target, mappings)
