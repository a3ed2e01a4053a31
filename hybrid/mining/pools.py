"""Ids to draw passages from: a sample of the whole index, the same one whatever engine holds it."""

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator

#: Ids that are drawn from; a larger index is represented by so many of its passages, chosen at random.
POOL = 200_000


def sample_ids(
    pages: Iterable[Iterable[str]], seed: int, size: int = POOL, on_progress: Callable[[int], None] = lambda _: None
) -> list[str]:
    """Give ids chosen at random: those whose hashes are lowest, so that their order does not matter."""
    key = str(seed).encode()
    return [name for _, name in heapq.nsmallest(size, _hash(pages, key, on_progress))]


def _hash(
    pages: Iterable[Iterable[str]], key: bytes, on_progress: Callable[[int], None]
) -> Iterator[tuple[bytes, str]]:
    done = 0
    for page in pages:
        for name in page:
            done += 1
            yield hashlib.blake2b(name.encode(), digest_size=8, key=key).digest(), name
        on_progress(done)
