"""Search pages as they are published on npm: installed once from the lock in ``gateway_npm``, and run unmodified."""

import contextlib
import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.services.errors import ServiceBroken, ServiceUnavailable
from tests.services.places import cache_folder
from tests.services.processes import LOCALHOST

SOURCES = Path(__file__).with_name("gateway_npm")
LOCKED = ("package.json", "package-lock.json")
_SECONDS = 300


def install() -> Path:
    """Give a folder with the packages in it; it is made aside and renamed, so it is whole or not there."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise ServiceUnavailable("Real search pages need node and npm; install them (apt-get install npm).")
    name = hashlib.sha256(b"".join((SOURCES / one).read_bytes() for one in LOCKED)).hexdigest()[:16]
    made = cache_folder() / f"pages-{name}"
    if made.exists():
        return made
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent, ignore_cleanup_errors=True) as aside:
        for one in LOCKED:
            shutil.copy(SOURCES / one, aside)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(command, cwd=aside, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise ServiceUnavailable(f"npm did not end within {_SECONDS} s.") from error
        if done.returncode:
            raise ServiceUnavailable(f"npm cannot install the search pages: {done.stderr.strip()[-300:]}")
        if not made.exists():
            os.rename(aside, made)
            Path(aside).mkdir()
    return made


def run_page(packages: Path, script: str, *arguments: str) -> Any:
    """Run one of the scripts of ``gateway_npm`` beside the packages, and give what it found."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(SOURCES / script, folder)
        (Path(folder) / "node_modules").symlink_to(packages / "node_modules")
        command = ["node", "--preserve-symlinks", "--preserve-symlinks-main", script, *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise ServiceBroken(f"{script} failed: {done.stderr.strip()[-1000:]}")
    return json.loads(done.stdout)


@contextlib.contextmanager
def serve_files(folder: Path) -> Iterator[str]:
    """Serve a folder to browsers, and give its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *said: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer((LOCALHOST, 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{LOCALHOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
