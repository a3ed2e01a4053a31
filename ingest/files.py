"""Which files a person means: names, folders and patterns go in, a ``Source`` a file comes out, in a fixed order."""

import codecs
import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from hybrid.errors import HybridError, UsageError

from .documents import printable
from .formats import FORMATS, SNIFFED, Format, Malformed, fits, need_library, tell_by_content, tell_by_name
from .formats.encodings import find_encoding, to_utf8
from .formats.streams import Damaged, Peekable, open_stream

#: Names standard input.
STDIN = "-"

_PATTERN = re.compile(r"[*?[]")
_BEIR = re.compile(r"corpus\.jsonl(\.(gz|bz2|xz|zst))?")
_WAYS = "name a file, a folder, a pattern in quotes such as 'docs/**/*.md', or - for standard input"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person says of all sources; None where each one's own is told."""

    format: Format | None
    #: Of text without a byte order mark; UTF-8 by default.
    encoding: str | None = None


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


def find_sources(specs: Sequence[str], wish: Wish) -> Iterator[Source]:
    """Give all files; one that is named twice comes once, at its first place."""
    if not specs:
        raise UsageError(f"No source is named; {_WAYS}.")
    seen: set[str] = set()
    for source in chain.from_iterable(_expand(os.fspath(spec), wish) for spec in specs):
        if len(specs) > 1:
            real = STDIN if source.path == STDIN else os.path.realpath(source.path)
            if real in seen:
                continue
            seen.add(real)
        yield source


def check_sources(specs: Sequence[str], wish: Wish) -> int:
    """Stop where a source cannot be read as it is named; gives all bytes there are, or 0 if that cannot be known."""
    names: dict[str, str] = {}
    total, known, encoded = 0, True, False
    for source in find_sources(specs, wish):
        total, known = total + (source.size or 0), known and source.size is not None
        encoded = encoded or source.format is None or source.format.encoded
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
    if wish.encoding and not encoded:
        raise UsageError("--encoding is for text; these sources say themselves how they are encoded. Leave it out.")
    return total if known else 0


def list_passed_over(specs: Sequence[str], wish: Wish) -> list[str]:
    """Give the files below folders that are not read; a BEIR folder means its corpus only."""
    folders = (spec for spec in map(os.fspath, specs) if os.path.isdir(spec) and not _find_corpus(spec, wish))
    return [path for folder in folders for path in _files_below(folder) if not fits(path, wish.format)]


def choose_format(name: str | None) -> Format | None:
    """Find a format by its name."""
    if name is None or name in FORMATS:
        return FORMATS[name] if name else None
    raise UsageError(f"{name!r} is no format; say one of {', '.join(FORMATS)}.")


def look_at(start: Peekable, encoding: str | None) -> bytes:
    """Give the beginning of an opened source in UTF-8."""
    head = start.look(SNIFFED)
    return to_utf8(head, find_encoding(head, encoding))


def tell_format(head: bytes, path: str, named: Format | None) -> Format | None:
    """Tell the format of a source by its beginning, unless it is ``named``; None where nothing stands in it."""
    if len(head) < SNIFFED and not head.removeprefix(codecs.BOM_UTF8).strip():
        return None
    found = named or _sniff(head, path)
    if found.check is not None:
        try:
            found.check(head)
        except Malformed as verdict:
            raise UsageError(f"{path} cannot be read as {found.name}: {printable(verdict.reason)}.") from None
    return found


def _sniff(head: bytes, path: str) -> Format:
    found = tell_by_content(head)
    if found is None:
        shown = "standard input" if path == STDIN else path
        raise UsageError(
            f"The format of {shown} cannot be told; say --format and one of {', '.join(FORMATS)} "
            "(plain text is text as one document, or lines as one passage a line)."
        )
    need_library(found, path)
    return found


def _expand(spec: str, wish: Wish) -> Iterator[Source]:
    if spec == STDIN:
        yield Source(STDIN, "stdin", None, wish.format)
    elif os.path.isdir(spec):
        yield from _walk_folder(spec, wish)
    elif os.path.exists(spec):
        if not os.access(spec, os.R_OK):
            raise HybridError(f"{spec} cannot be read: permission denied.")
        yield _make_source(spec, os.path.basename(spec), wish)
    elif _PATTERN.search(spec):
        yield from _match_pattern(spec, wish)
    else:
        raise UsageError(f"{spec} is not there; {_WAYS}.")


def _match_pattern(pattern: str, wish: Wish) -> Iterator[Source]:
    base = os.path.dirname(pattern[: _PATTERN.search(pattern).start()])  # type: ignore[union-attr]
    files = sorted(path for path in glob.iglob(pattern, recursive=True) if not os.path.isdir(path))
    if not files:
        raise UsageError(f"No file matches {pattern}; {_WAYS}.")
    for path in files:
        yield _make_source(path, _name_below(path, base), wish)


def _walk_folder(folder: str, wish: Wish) -> Iterator[Source]:
    """Give a folder's documents, or the files of the format that was asked for; of a BEIR folder only its corpus."""
    corpus = _find_corpus(folder, wish)
    if corpus:
        yield _make_source(os.path.join(folder, corpus), corpus, wish)
        return
    empty = True
    for path in _files_below(folder):
        if fits(path, wish.format):
            empty = False
            yield _make_source(path, _name_below(path, folder), wish)
    if empty:
        kind = f"file of the format {wish.format.name}" if wish.format else "text, Markdown, HTML or PDF"
        raise UsageError(f"{folder} holds no {kind}; name other files by a pattern in quotes: '{folder}/*.jsonl'.")


def _find_corpus(folder: str, wish: Wish) -> str | None:
    """Name the corpus of a BEIR folder; None of any other, or where another format is asked for."""
    if wish.format not in (None, FORMATS["jsonl"]):
        return None
    return min((name for name in _list(folder) if _BEIR.fullmatch(name)), default=None)


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


def _make_source(path: str, name: str, wish: Wish) -> Source:
    format_ = wish.format or tell_by_name(name)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            return Source(path, name, None, format_)
        if format_ is None or format_.check is not None:
            with open_stream(path) as start:
                format_ = tell_format(look_at(start, wish.encoding), path, format_) or format_
    except FileNotFoundError:  # gone since it was listed; whoever reads it will say so
        return Source(path, name, None, format_)
    except OSError as error:
        raise HybridError(f"{path} cannot be read: {error.strerror}.") from error
    except Damaged as error:
        raise HybridError(f"{path} cannot be unpacked: {error}.") from error
    return Source(path, name, status.st_size, format_)
