"""Building the OpenSearch home: the recipe, the lock and the Java sources in, a finished folder out.

The home is named by what it is made of, made aside, renamed when it is whole, and never written to again.
"""

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import ServiceBroken
from ..places import cache_folder
from . import recipe
from .jdk import find_jdk
from .lock import Entry, Fetched, parse, render, verify
from .maven import fetch

HERE = Path(__file__).parent
LOCK = HERE / "node.lock"
JAVA_SOURCES = HERE / "java"


def built_home() -> Path:
    """Return the finished home; build it first where it is not there yet."""
    home = cache_folder() / f"opensearch-{fingerprint()}"
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with _one_builder(home):
        if not home.is_dir():
            _remove_remains(home)
            _build_aside(home)
    return home


def relock() -> Path:
    """Fetch what the recipe asks for and write the lock file anew; return its path."""
    with tempfile.TemporaryDirectory(prefix="hybrid-relock-") as folder:
        files = fetch(recipe.parts(), Path(folder), _say)
        LOCK.write_text(render(file.entry() for file in files), "utf-8")
    return LOCK


def fingerprint() -> str:
    """Return the name of what the home is made of: lock, Java sources and version of the recipe."""
    digest = hashlib.sha256(f"recipe {recipe.VERSION}\n".encode())
    for path in (LOCK, *sorted(JAVA_SOURCES.rglob("*.java"))):
        digest.update(path.relative_to(HERE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def assemble(files: Sequence[Fetched], home: Path, jdk: Path) -> None:
    """Lay the verified files out as a home and compile what is missing."""
    for file in files:
        target = home / file.folder
        target.mkdir(parents=True, exist_ok=True)
        if file.path.suffix == ".zip":
            with zipfile.ZipFile(file.path) as archive:
                archive.extractall(target)
        else:
            shutil.copyfile(file.path, target / file.path.name)
    for module in recipe.MODULES:
        (home / module.folder / "plugin-descriptor.properties").write_text(recipe.descriptor(module), "utf-8")
    knn = home / recipe.KNN_FOLDER / "plugin-descriptor.properties"
    knn.write_text(recipe.without_missing_plugins(knn.read_text("utf-8")), "utf-8")
    _compile(jdk, JAVA_SOURCES / "main", home / "main", classpath=f"{home}/lib/*")
    _compile_stubs(jdk, home)


def _build_aside(home: Path) -> None:
    jdk, started = find_jdk(), time.monotonic()
    _say(f"fetching Maven artifacts (80 MB where it has none yet; once, the node is kept in {home})")
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f"{home.name}.partial-") as folder:
        fetched, made = Path(folder) / "fetched", Path(folder) / "home"
        fetched.mkdir()
        files = fetch(recipe.parts(), fetched, _say)
        _say(f"checking {len(files)} files against {LOCK.name}")
        verify(files, _locked())
        _say("assembling the node")
        assemble(files, made, jdk)
        with contextlib.suppress(FileExistsError):
            made.rename(home)
    _say(f"built in {time.monotonic() - started:.0f} s")


def _locked() -> tuple[Entry, ...]:
    try:
        return parse(LOCK.read_text("utf-8"))
    except FileNotFoundError:
        raise ServiceBroken(f"{LOCK} is missing: write it with `python -m tests.services relock`") from None


def _compile(jdk: Path, sources: Path, target: Path, *, classpath: str) -> None:
    files = sorted(str(path) for path in sources.rglob("*.java"))
    flags = ["--release", str(recipe.JAVA), "-proc:none", "-cp", classpath, "-d", str(target)]
    done = subprocess.run([str(jdk / "bin" / "javac"), *flags, *files], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServiceBroken(f"javac failed on {sources.name}: {(done.stderr or done.stdout).splitlines()[0]}")


def _compile_stubs(jdk: Path, home: Path) -> None:
    with tempfile.TemporaryDirectory(dir=home) as folder:
        classes = Path(folder)
        _compile(jdk, JAVA_SOURCES / "stubs", classes, classpath=str(classes))
        with zipfile.ZipFile(home / recipe.KNN_FOLDER / "stubs.jar", "w") as jar:
            for path in sorted(classes.rglob("*.class")):
                jar.write(path, path.relative_to(classes).as_posix())


@contextlib.contextmanager
def _one_builder(home: Path) -> Iterator[None]:
    with home.with_name(f"{home.name}.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another process is building the node; waiting for it")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _remove_remains(home: Path) -> None:
    # Under the lock nobody else builds: what lies there is of a builder that was killed.
    for remains in home.parent.glob(f"{home.name}.partial-*"):
        shutil.rmtree(remains, ignore_errors=True)


def _say(line: str) -> None:
    print(f"opensearch: {line}", file=sys.stderr, flush=True)
