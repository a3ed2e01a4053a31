"""Passages that are rewritten together, so that whoever sees two generations side by side has seen half a commit."""

from typing import Any

from hybrid.passages import Passage, SearchResult

PASSAGES = 40
VECTOR = [1.0] * 8
EVERYTHING: dict[str, Any] = {"vector": VECTOR, "k": 1000}
FILTER = {"bool": {"filter": [{"range": {"meta.gen": {"gte": 0}}}], "must_not": [{"term": {"meta.gen": -1}}]}}


def generation(number: int, name: str = "p") -> list[Passage]:
    """Give passages that replace those of every other generation at once."""
    return [
        Passage(f"{name}{place}", f"common {name} generation{number}", meta={"gen": number}, vector=VECTOR)
        for place in range(PASSAGES)
    ]


def assert_one_generation(result: SearchResult) -> int:
    """Fail if passages of two generations stand side by side, or some are missing."""
    lasting = [hit for hit in result.hits if hit.id.startswith("p")]
    assert [hit.id for hit in lasting] == sorted(f"p{place}" for place in range(PASSAGES))
    (number,) = {hit.meta["gen"] for hit in lasting}
    assert {hit.text for hit in lasting} == {f"common p generation{number}"}
    assert len({hit.score for hit in lasting}) == 1
    others = [hit for hit in result.hits if not hit.id.startswith("p")]
    assert len(others) in (0, PASSAGES)
    return int(number)
