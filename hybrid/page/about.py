"""What a client is told of an index before it asks: ``GET /v1/indexes``."""

from dataclasses import asdict
from typing import Any

from ..profile import Profile


def describe_index(
    name: str, profile: Profile | None, passages: int | None = None, trouble: str = ""
) -> dict[str, Any]:
    """Describe an index: what its rankings depend on, how large it is if that is known, and what is wrong with it."""
    ranking = {} if profile is None else {"lambda": profile.lam, "sim_prior": asdict(profile.sim_prior)}
    return {"name": name, "passages": passages, **ranking, "trouble": trouble}
