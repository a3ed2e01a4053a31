"""``Reached``: how far an adoption has come in each shard of its source, as its job's record keeps it."""

from collections.abc import Collection, Mapping

#: Refused writes of a shard that are kept one by one; beyond, the shard is read again from the first that is not.
MOST = 1000
_SHARD, _REFUSED = "shard", "refused"


class Reached:
    """Numbers of writes, shard by shard: up to which all were read, and which of those were refused."""

    def __init__(self, counts: Mapping[str, int]):
        self._positions: dict[int, int] = {}
        self._refused: dict[int, set[int]] = {}
        #: Where the next run begins at the latest, where this one has more refused than it keeps.
        self._ceilings: dict[int, int] = {}
        for name, number in counts.items():
            match name.split():
                case [word, shard] if word == _SHARD:
                    self._positions[int(shard)] = number
                case [word, shard, refused, _] if (word, refused) == (_SHARD, _REFUSED):
                    self._refused.setdefault(int(shard), set()).add(number)

    def to_counts(self) -> dict[str, int]:
        """Write what ``Reached`` reads."""
        positions = {
            f"{_SHARD} {shard}": min(position, self._ceilings.get(shard, position))
            for shard, position in self._positions.items()
        }
        refused = {
            f"{_SHARD} {shard} {_REFUSED} {number}": number
            for shard, numbers in self._refused.items()
            for number in sorted(numbers)
        }
        return positions | refused

    def position(self, shard: int) -> int:
        """Give the number up to which this run, or one before it, has read."""
        return self._positions.get(shard, -1)

    def refused(self, shard: int) -> list[int]:
        """Give the writes that are to be tried again."""
        return sorted(self._refused.get(shard, ()))

    def advance(self, shard: int, position: int, refused: Collection[int]) -> None:
        """Note that a page was read, and what of it was refused."""
        self._positions[shard] = position
        kept = self._refused.setdefault(shard, set())
        for number in sorted(refused):
            if len(kept) < MOST:
                kept.add(number)
            else:
                self._ceilings.setdefault(shard, number - 1)

    def settle(self, shard: int, refused: Collection[int]) -> None:
        """Note which of the refused were refused again; the others were taken, or are no more."""
        self._refused[shard] = set(refused)
