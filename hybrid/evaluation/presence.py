"""For which questions does any passage of a collection hold an answer? Read once, however many questions there are.

A passage is only searched for answers whose first token it has, and for questions not settled yet.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from .matching import Matcher, TokenMatcher
from .tokens import cut


def find_present(matchers: Sequence[Matcher], passages: Iterable[str]) -> set[int]:
    """Give the places of all matchers that find something in a collection."""
    missing = set(range(len(matchers)))
    by_token: dict[str, list[tuple[str, int]]] = defaultdict(list)
    others: list[int] = []
    for place, matcher in enumerate(matchers):
        if not isinstance(matcher, TokenMatcher):
            others.append(place)
            continue
        for needle in matcher.needles:
            by_token[needle.split(maxsplit=1)[0]].append((needle, place))
    for passage in passages:
        tokens = cut(passage)
        for token in by_token.keys() & set(tokens.split()):
            missing.difference_update([place for needle, place in by_token[token] if needle in tokens])
            by_token[token] = [(needle, place) for needle, place in by_token[token] if place in missing]
            if not by_token[token]:
                del by_token[token]
        missing.difference_update(
            [place for place in others if place in missing and matchers[place].matches(passage)]
        )
        if not missing:
            break
    return set(range(len(matchers))) - missing
