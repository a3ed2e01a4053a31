"""Fetching artifacts with Maven: parts of the home in, files with their coordinates out."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from ..errors import ServiceUnavailable
from ..processes import leashed
from .lock import Fetched
from .recipe import LEFT_OUT, MAVEN_PLUGIN, Part

# How often the download says how far it is.
MEGABYTES_PER_NOTE = 25

_SIZE = re.compile(r"Downloaded from .*\(([\d.]+) ([kMG]?)B at")
_MEGABYTES = {"": 1e-6, "k": 1e-3, "M": 1.0, "G": 1e3}


def fetch(parts: Sequence[Part], folder: Path, say: Callable[[str], None]) -> tuple[Fetched, ...]:
    """Fetch all parts into `folder`; a file that lies in `lib` already is left out of the others."""
    write_projects(parts, folder)
    run_maven(folder, say)
    files = [file for part in parts for file in fetched_of(part, folder)]
    in_lib = {file.path.name for file in files if file.folder == "lib"}
    return tuple(file for file in files if file.folder == "lib" or file.path.name not in in_lib)


def write_projects(parts: Sequence[Part], folder: Path) -> None:
    """Write one Maven project per part and one that holds them, so that each is resolved by itself."""
    modules = "".join(f"<module>{part.name}</module>" for part in parts)
    (folder / "pom.xml").write_text(_project("node", f"<modules>{modules}</modules>"), "utf-8")
    for part in parts:
        (folder / part.name).mkdir()
        wanted = "".join(_dependency(one, transitive=part.transitive) for one in part.wanted)
        pom = _project(part.name, f"<dependencies>{wanted}</dependencies>")
        (folder / part.name / "pom.xml").write_text(pom, "utf-8")


def run_maven(folder: Path, say: Callable[[str], None]) -> None:
    """Run the one goal in `folder`; raise with Maven's first error line where it fails."""
    mvn = shutil.which("mvn")
    if mvn is None:
        raise ServiceUnavailable("mvn is not on the PATH: install it (Debian: maven, macOS: brew install maven)")
    # The repository layout keeps the coordinates of each file in its path.
    command = [mvn, "-B", MAVEN_PLUGIN, "-Dmdep.useRepositoryLayout=true"]
    with subprocess.Popen(
        # A Maven that outlived a killed builder would go on writing into a folder that nobody cleans.
        leashed(command, folder=folder),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        error = first_error(_noting_progress(process.stdout, say))
        # Before its input closes: Maven's files are to stay.
        process.wait()
    if process.returncode != 0:
        raise ServiceUnavailable(f"Maven could not fetch the node's artifacts: {error}")


def first_error(lines: Iterable[str]) -> str:
    """Read Maven's output to its end; return its first error, else its last line."""
    error, last = "", ""
    for line in lines:
        last = line.strip() or last
        if not error and line.startswith("[ERROR]"):
            error = line.removeprefix("[ERROR]").strip()
    return error or last


def fetched_of(part: Part, folder: Path) -> Iterator[Fetched]:
    """Yield what Maven laid out for one part."""
    root = folder / part.name / "target" / "dependency"
    for path in sorted(root.rglob("*")):
        if path.suffix in {".jar", ".zip"}:
            yield Fetched(part.folder, coordinates_of(path.relative_to(root)), path)


def coordinates_of(path: Path) -> str:
    """Return the coordinates of a file from its path in a Maven repository."""
    *group, artifact, version, _ = path.parts
    classifier = path.stem.removeprefix(f"{artifact}-{version}").removeprefix("-")
    found = [".".join(group), artifact, version]
    if classifier:
        found += [path.suffix[1:], classifier]
    elif path.suffix != ".jar":
        found += [path.suffix[1:]]
    return ":".join(found)


def _noting_progress(lines: Iterable[str], say: Callable[[str], None]) -> Iterator[str]:
    total, noted = 0.0, 0.0
    for line in lines:
        size = _SIZE.search(line)
        if size:
            total += float(size[1]) * _MEGABYTES[size[2]]
        if total - noted >= MEGABYTES_PER_NOTE:
            noted = total
            say(f"{total:.0f} MB downloaded")
        yield line


def _project(name: str, content: str) -> str:
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>hybrid.tests</groupId>"
        f"<artifactId>{escape(name)}</artifactId><version>1</version><packaging>pom</packaging>{content}</project>\n"
    )


def _dependency(coordinates: str, *, transitive: bool) -> str:
    group, artifact, version, *kind = coordinates.split(":")
    excluded = LEFT_OUT if transitive else ("*:*",)
    exclusions = "".join(
        f"<exclusion><groupId>{g}</groupId><artifactId>{a}</artifactId></exclusion>"
        for g, a in (one.split(":") for one in excluded)
    )
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        f"<type>{kind[0] if kind else 'jar'}</type><exclusions>{exclusions}</exclusions></dependency>"
    )
