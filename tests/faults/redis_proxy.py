"""A server between workers and their Redis that lets a test see each command before Redis does."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from tests.services.processes import LOCALHOST, listening_socket

#: A command may arrive in pieces; so much of the last piece is looked at again.
_TAIL = 256

#: Told what is about to be sent; tells whether the connection is to be cut instead.
Look = Callable[[bytes], bool]


class RedisProxy:
    """Passes on until it is told to cut."""

    def __init__(self, port: int, look: Look):
        self._listening = listening_socket()
        self._upstream = LOCALHOST, port
        self._look = look
        self.url = f"redis://{LOCALHOST}:{self._listening.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                self._join(near)

    def _join(self, near: socket.socket) -> None:
        """Join a connection to one of its own with Redis, or drop it where there is no Redis."""
        try:
            far = socket.create_connection(self._upstream)
        except OSError:
            near.close()
            return
        for source, target, look in ((near, far, self._look), (far, near, None)):
            threading.Thread(target=self._pump, args=(source, target, look), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, look: Look | None) -> None:
        tail = b""
        with contextlib.suppress(OSError):
            while piece := source.recv(65_536):
                if look is not None and look(tail + piece):
                    break
                tail = (tail + piece)[-_TAIL:]
                target.sendall(piece)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextlib.contextmanager
def redis_proxy(port: int, look: Look) -> Iterator[RedisProxy]:
    """Yield a proxy in front of the Redis at ``port``."""
    proxy = RedisProxy(port, look)
    try:
        yield proxy
    finally:
        proxy.close()
