"""Which files a person means: names, folders and patterns go in, a ``Source`` a file comes out, in a fixed order."""

import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from hybrid.errors import HybridError, UsageError

from .formats import FORMATS, SNIFFED, Format, fits, need_library, tell_by_content, tell_by_name
from .formats.streams import Damaged, Peekable, open_stream

#: Names standard input.
STDIN = "-"

_PATTERN = re.compile(r"[*?[]")
_BEIR = re.compile(r"corpus\.jsonl(\.(gz|bz2|xz|zst))?")
_WAYS = "name a file, a folder, a pattern in quotes such as 'docs/**/*.md', or - for standard input"


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or standard input."""

    path: str
    #: The path below the folder or pattern that was named, with forward slashes; a file's own name otherwise.
    name: str
    #: None where nobody can tell before it is read: of standard input and pipes.
    size: int | None
    #: None where it is told when the source is read.
    format: Format | None


def find_sources(specs: Sequence[str], format_: Format | None) -> Iterator[Source]:
    """Give all files; one that is named twice comes once, at its first place."""
    if not specs:
        raise UsageError(f"No source is named; {_WAYS}.")
    seen: set[str] = set()
    for source in chain.from_iterable(_expand(os.fspath(spec), format_) for spec in specs):
        if len(specs) > 1:
            real = STDIN if source.path == STDIN else os.path.realpath(source.path)
            if real in seen:
                continue
            seen.add(real)
        yield source


def check_sources(specs: Sequence[str], format_: Format | None) -> int:
    """Stop where a source cannot be read as it is named; gives all bytes there are, or 0 if that cannot be known."""
    names: dict[str, str] = {}
    total, known = 0, True
    for source in find_sources(specs, format_):
        total, known = total + (source.size or 0), known and source.size is not None
        if source.format is None:
            continue
        need_library(source.format, source.path)
        if len(specs) > 1 and source.format.named:
            other = names.setdefault(source.name, source.path)
            if other != source.path:
                raise UsageError(
                    f"{other} and {source.path} would give documents the same ids; name a folder that holds both, or "
                    "a pattern in quotes such as 'docs/**/*.md'."
                )
    return total if known else 0


def choose_format(name: str | None) -> Format | None:
    """Find a format by its name."""
    if name is None or name in FORMATS:
        return FORMATS[name] if name else None
    raise UsageError(f"{name!r} is no format; say one of {', '.join(FORMATS)}.")


def sniff(start: Peekable, path: str) -> Format:
    """Tell the format of an opened source by its first bytes."""
    found = tell_by_content(start.look(SNIFFED))
    if found is None:
        shown = "standard input" if path == STDIN else path
        raise UsageError(
            f"The format of {shown} cannot be told; say --format and one of {', '.join(FORMATS)} "
            "(plain text is text as one document, or lines as one passage a line)."
        )
    need_library(found, path)
    return found


def _expand(spec: str, format_: Format | None) -> Iterator[Source]:
    if spec == STDIN:
        yield Source(STDIN, "stdin", None, format_)
    elif os.path.isdir(spec):
        yield from _walk_folder(spec, format_)
    elif os.path.exists(spec):
        if not os.access(spec, os.R_OK):
            raise HybridError(f"{spec} cannot be read: permission denied.")
        yield _make_source(spec, os.path.basename(spec), format_)
    elif _PATTERN.search(spec):
        yield from _match_pattern(spec, format_)
    else:
        raise UsageError(f"{spec} is not there; {_WAYS}.")


def _match_pattern(pattern: str, format_: Format | None) -> Iterator[Source]:
    base = os.path.dirname(pattern[: _PATTERN.search(pattern).start()])  # type: ignore[union-attr]
    files = sorted(path for path in glob.iglob(pattern, recursive=True) if not os.path.isdir(path))
    if not files:
        raise UsageError(f"No file matches {pattern}; {_WAYS}.")
    for path in files:
        yield _make_source(path, _name_below(path, base), format_)


def _walk_folder(folder: str, format_: Format | None) -> Iterator[Source]:
    """Give a folder's documents, or the files of the format that was asked for; of a BEIR folder only its corpus."""
    corpus = sorted(name for name in _list(folder) if _BEIR.fullmatch(name))
    if corpus and format_ in (None, FORMATS["jsonl"]):
        yield _make_source(os.path.join(folder, corpus[0]), corpus[0], format_)
        return
    empty = True
    for path in _files_below(folder):
        if fits(path, format_):
            empty = False
            yield _make_source(path, _name_below(path, folder), format_)
    if empty:
        kind = f"file of the format {format_.name}" if format_ else "text, Markdown, HTML or PDF"
        raise UsageError(f"{folder} holds no {kind}; name other files by a pattern in quotes: '{folder}/*.jsonl'.")


def _files_below(folder: str) -> Iterator[str]:
    """Give visible files in the order of their names; folders behind links are left out, as they may lead round."""
    for name in _list(folder):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            yield path
        elif os.path.isdir(path) and not os.path.islink(path):
            yield from _files_below(path)


def _list(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        raise HybridError(f"The folder {folder} cannot be read: {error.strerror}.") from error


def _name_below(path: str, folder: str) -> str:
    return os.path.relpath(path, folder or os.curdir).replace(os.sep, "/")


def _make_source(path: str, name: str, format_: Format | None) -> Source:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            return Source(path, name, None, format_ or tell_by_name(name))
        format_ = format_ or tell_by_name(name)
        if format_ is None:
            with open_stream(path) as (_, start):
                format_ = sniff(start, path)
    except FileNotFoundError:  # gone since it was listed; whoever reads it will say so
        return Source(path, name, None, format_ or tell_by_name(name))
    except OSError as error:
        raise HybridError(f"{path} cannot be read: {error.strerror}.") from error
    except Damaged as error:
        raise HybridError(f"{path} cannot be unpacked: {error}.") from error
    return Source(path, name, status.st_size, format_)
