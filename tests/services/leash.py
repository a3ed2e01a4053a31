"""Runs a command that must not outlive its parent: `leash.py FOLDER COMMAND…`, a plain script.

Its standard input is a pipe that only the parent holds. When the pipe closes, because the parent asks or
because it died, the command is ended and FOLDER, the command's own temporary folder, is removed. A command
that ends by itself leaves the folder for the parent to look into. Needs nothing of this package.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading

# How long the command may take to end by itself.
GRACE = 20.0


def main(folder: str, command: list[str]) -> int:
    """Run the command until it ends or the parent lets go; return its exit code."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Only the pipe ends the leash: a leash that dies first leaves the command alone in the world.
        signal.signal(ignored, signal.SIG_IGN)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_usual_signals)
    released = threading.Event()
    threading.Thread(target=_wait_for_release, args=(child, released), daemon=True).start()
    code = child.wait()
    if released.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _usual_signals() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_DFL)


def _wait_for_release(child: "subprocess.Popen[bytes]", released: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    released.set()
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE)
    child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
