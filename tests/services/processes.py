"""Processes and ports: commands in, processes that surely end and ports that were free a moment ago out."""

import contextlib
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .errors import ServiceBroken

LOCALHOST = "127.0.0.1"
LEASH = Path(__file__).with_name("leash.py")

# Below the range from which Linux and macOS take the near end of outgoing connections: a port that was
# free a moment ago is not taken by a client in between.
PORT_RANGE = range(20000, 32000)

# How long a start may take; one node needs 5 s to 10 s on two cores, three nodes need 20 s.
START_SECONDS = 180.0


def free_ports(count: int) -> tuple[int, ...]:
    """Return so many different ports on which nothing listens."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in random.Random().sample(PORT_RANGE, len(PORT_RANGE)):
            if len(found) == count:
                break
            with contextlib.suppress(OSError):
                held.enter_context(listening_socket(port))
                found.append(port)
    return tuple(found)


def listening_socket(port: int = 0) -> socket.socket:
    """Return a socket bound to the port of this machine; raise OSError where it is taken."""
    bound = socket.socket()
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((LOCALHOST, port))
        bound.listen(128)
    except OSError:
        bound.close()
        raise
    return bound


class Leashed:
    """A command that ends with this process, its temporary folder with it."""

    def __init__(self, command: Sequence[str], *, folder: Path, log: Path) -> None:
        """Start the command in a session of its own; its output goes to `log`."""
        self.folder = folder
        self.log = log
        self._stopped = False
        with log.open("ab") as output:
            self._leash = subprocess.Popen(
                leashed(command, folder=folder),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process under which the command runs."""
        return self._leash.pid

    def ended(self) -> bool:
        """Whether the command has ended."""
        return self._leash.poll() is not None

    def let_go(self) -> None:
        """Tell the command to end, without waiting for it."""
        assert self._leash.stdin is not None
        with contextlib.suppress(OSError):
            self._leash.stdin.close()

    def stop(self, *, grace: float = 30.0) -> None:
        """End the command and all that it started; remove its folder. A second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        self.let_go()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._leash.wait(grace)
        kill_group(self._leash.pid)
        self._leash.wait()
        remove_folder(self.folder)

    def kill(self) -> None:
        """End the command as a crash would; its folder stays until `stop`."""
        kill_group(self._leash.pid)
        self._leash.wait()


def leashed(command: Sequence[str], *, folder: Path) -> list[str]:
    """Return the command that runs another until its standard input closes, then removes the folder."""
    return [sys.executable, "-I", "-S", str(LEASH), str(folder), *command]


def remove_folder(folder: Path) -> None:
    """Remove the folder with all that is in it; nothing happens where it is gone."""
    shutil.rmtree(folder, ignore_errors=True)


def kill_group(group: int, sent: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process group that may be gone."""
    # A process of another user under a reused number is none of ours.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, sent)


def spawn(command: Sequence[str], *, log: Path) -> int:
    """Start a command that outlives this process; return its pid, which is that of its group."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    # Left to itself on purpose: without this, Python warns of a child that nobody waited for.
    process.returncode = 0
    return process.pid


def wait_until(
    ready: Callable[[], bool], *, ended: Callable[[], bool], evidence: Callable[[], str], what: str
) -> None:
    """Wait until it is ready; raise with the evidence, taken then, where it ends or is too slow."""
    limit = time.monotonic() + START_SECONDS
    while not ready():
        if ended():
            raise ServiceBroken(f"{what} ended while it started; {evidence()}")
        if time.monotonic() > limit:
            raise ServiceBroken(f"{what} was not ready after {START_SECONDS:.0f} s; {evidence()}")
        time.sleep(0.1)


def tail(log: Path, *, lines: int = 15) -> str:
    """Return the last lines of a log that will soon be gone, without the frames of Java's stacks."""
    try:
        text = log.read_text("utf-8", errors="replace")
    except OSError:
        text = ""
    telling = [line for line in text.splitlines() if "\tat " not in line]
    return "\n".join(["its log ends with:", *telling[-lines:]])


@functools.cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
    except OSError:
        return ""


def identity(pid: int) -> str | None:
    """Return what tells this process from a later one of the same number; None where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None if _boot() else _identity_by_ps(pid)
    # The name in parentheses may hold spaces; what follows it starts with the third field of proc(5).
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else f"{_boot()} {fields[19]}"


def _identity_by_ps(pid: int) -> str | None:
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
