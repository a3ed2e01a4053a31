"""Finding a JDK that is new enough: the environment and the usual folders in, its home out."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import ServiceUnavailable
from .recipe import JAVA

SYSTEM_JDKS = Path("/usr/lib/jvm")
MAC_FINDER = Path("/usr/libexec/java_home")


def find_jdk(env: Mapping[str, str] = os.environ) -> Path:
    """Return the home of a JDK of at least the version that the node needs."""
    for home in candidates(env):
        if (version_of(home) or 0) >= JAVA:
            return home
    raise ServiceUnavailable(
        f"no JDK {JAVA} or newer in JAVA_HOME, on the PATH or in {SYSTEM_JDKS}: install one "
        f"(Debian: openjdk-{JAVA}-jdk-headless, macOS: brew install openjdk@{JAVA})"
    )


def candidates(env: Mapping[str, str]) -> Iterator[Path]:
    """Yield the homes worth a look, what the user chose first, then the oldest that will do."""
    if env.get("JAVA_HOME"):
        yield Path(env["JAVA_HOME"])
    javac = shutil.which("javac", path=env.get("PATH"))
    if javac:
        yield Path(javac).resolve().parent.parent
    if SYSTEM_JDKS.is_dir():
        yield from sorted(SYSTEM_JDKS.iterdir(), key=lambda home: (version_of(home) or 0, home.name))
    if MAC_FINDER.exists():
        found = subprocess.run([MAC_FINDER, "-v", f"{JAVA}+"], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            yield Path(found.stdout.strip())


def version_of(home: Path) -> int | None:
    """Return the feature version of the JDK in `home`; None where there is none with a compiler."""
    if not (home / "bin" / "java").exists() or not (home / "bin" / "javac").exists():
        return None
    try:
        release = (home / "release").read_text("utf-8")
    except OSError:
        return None
    found = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release, re.MULTILINE)
    return int(found[1]) if found else None
