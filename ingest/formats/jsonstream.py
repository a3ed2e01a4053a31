"""One long JSON text, read value by value through a window, so that memory stays flat however long it is."""

import codecs
import json
import re
from typing import Any, BinaryIO

from .base import Malformed

_CHUNK = 2**18
_SPACE = re.compile(r"[ \t\n\r]*+")


class JsonStream:
    """A place in a JSON text; whatever cannot be read raises ``Malformed`` with its line."""

    def __init__(self, stream: BinaryIO, limit: int):
        self._stream = stream
        self._limit = limit
        # Bytes that are not UTF-8 become lone surrogates, to be found in the string that has them.
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self._value = json.JSONDecoder().raw_decode
        self._window = ""
        self._place = 0
        self._ended = False
        #: The line of the place, from 1.
        self.line = 1

    def peek(self) -> str:
        """Give the next character that is no space, or nothing at the end."""
        while True:
            space = _SPACE.match(self._window, self._place)
            self._advance(space.end() if space else self._place)
            if self._place < len(self._window):
                return self._window[self._place]
            if not self._grow():
                return ""

    def take(self, character: str) -> bool:
        """Step over a character, if it comes next."""
        if self.peek() != character:
            return False
        self._advance(self._place + 1)
        return True

    def expect(self, character: str) -> None:
        """Step over a character that must come next."""
        if not self.take(character):
            raise Malformed(f"not JSON: {character!r} is missing", self.line)

    def value(self) -> Any:
        """Read the value that comes next, whole."""
        self.peek()
        while True:
            try:
                value, end = self._value(self._window, self._place)
            except (json.JSONDecodeError, RecursionError) as error:
                if not self._grow():
                    raise self._fault(error) from None
                continue
            except ValueError:
                # What Python says of a number that it will not read, however it goes on.
                raise Malformed("not JSON that anybody would write: a number is too long", self.line) from None
            # A number that ends with the window may go on behind it.
            if end < len(self._window) or not self._grow():
                self._advance(end)
                return value

    def _advance(self, place: int) -> None:
        self.line += self._window.count("\n", self._place, place)
        self._place = place

    def _grow(self) -> bool:
        """Drop what was read and read on, the more the longer a value turns out; False at the end or the limit."""
        rest = self._window[self._place :]
        if self._ended or len(rest) > self._limit:
            return False
        data = self._stream.read(max(_CHUNK, len(rest)))
        self._ended = not data
        self._window = rest + self._decode(data, self._ended)
        self._place = 0
        return not self._ended

    def _fault(self, error: json.JSONDecodeError | RecursionError) -> Malformed:
        if not self._ended:
            return Malformed(f"a value of more than {self._limit:,} characters, or not JSON", self.line)
        if isinstance(error, json.JSONDecodeError):
            line = self.line + self._window.count("\n", self._place, error.pos)
            return Malformed(f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}", line)
        return Malformed("not JSON that anybody would write: nested too deep", self.line)
