"""A native Redis: the system's `redis-server` in, a running server in a temporary folder out."""

import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import quote

from .errors import ServiceUnavailable
from .processes import LOCALHOST, Leashed, free_ports, tail, wait_until


class Redis:
    """A running server of the tests; it ends with this process."""

    def __init__(self, port: int, password: str | None) -> None:
        """Start the process; `start_redis` waits until it answers."""
        folder = Path(tempfile.mkdtemp(prefix="hybrid-redis-"))
        self.port = port
        self.url = redis_url(port, password=password)
        self._process = Leashed(
            redis_command(port, folder=folder, password=password), folder=folder, log=folder / "redis.log"
        )

    def ended(self) -> bool:
        """Whether the server's process has ended."""
        return self._process.ended()

    @property
    def log(self) -> Path:
        """Where the server's output goes."""
        return self._process.log

    def kill(self) -> None:
        """End the server as a crash would."""
        self._process.kill()

    def stop(self) -> None:
        """End the server and remove its folder."""
        self._process.stop()


def start_redis(*, password: str | None = None) -> Redis:
    """Start a server that keeps nothing on disk, and wait until it answers."""
    redis_server()
    server = Redis(free_ports(1)[0], password)
    try:
        wait_until(
            lambda: is_redis(server.port, password=password),
            ended=server.ended,
            evidence=lambda: tail(server.log),
            what="redis-server",
        )
    except BaseException:
        server.stop()
        raise
    return server


def redis_server() -> str:
    """Return the path of the system's program."""
    found = shutil.which("redis-server")
    if found is None:
        raise ServiceUnavailable(
            "redis-server is not on the PATH: install it (Debian: redis-server, macOS: brew install redis)"
        )
    return found


def redis_command(port: int, *, folder: Path, password: str | None = None, persistent: bool = False) -> list[str]:
    """Return the command of a server that listens on this machine only."""
    command = [redis_server(), "--bind", LOCALHOST, "--port", str(port), "--dir", str(folder), "--save", ""]
    command += ["--appendonly", "yes" if persistent else "no"]
    return [*command, "--requirepass", password] if password else command


def redis_url(port: int, *, password: str | None = None) -> str:
    """Return the address of the server's first database."""
    return f"redis://{user_info(password)}{LOCALHOST}:{port}/0"


def user_info(password: str | None) -> str:
    """Return what stands before the host in the address of a server with this password."""
    return f":{quote(password, safe='')}@" if password else ""


def is_redis(port: int, *, host: str = LOCALHOST, password: str | None = None) -> bool:
    """Whether a Redis that has loaded its data takes the password, or none, and answers."""
    asked = (_command("AUTH", password) if password else b"") + _command("PING")
    answer = b""
    try:
        with socket.create_connection((host, port), timeout=2.0) as connection:
            connection.sendall(asked)
            while answer.count(b"\r\n") < (2 if password else 1):
                received = connection.recv(256)
                if not received:
                    break
                answer += received
    except OSError:
        return False
    return answer.endswith(b"+PONG\r\n")


def _command(*words: str) -> bytes:
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
