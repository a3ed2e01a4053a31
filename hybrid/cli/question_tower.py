"""Another tower for an index's questions, where the passages' is the same: nothing is encoded anew."""

from typing import TYPE_CHECKING, Literal

from ..address import LocalAddress, parse_address
from ..engines.opensearch.client import Client
from ..engines.opensearch.lifecycle import change_profile
from ..engines.opensearch.queries import Target
from ..index import open_index
from ..profile import Profile
from ..settings import Settings
from .output import say

if TYPE_CHECKING:
    from ..encoders import Encoder


def change_in_folder(
    address: str, settings: Settings, name: str, scale: float | Literal["auto"] | None
) -> Profile | None:
    """Let the questions of an index in a folder use an encoder; None where it is none, or its passages differ."""
    from ..encoders import load_encoder

    if not isinstance(parse_address(address, settings), LocalAddress):
        return None
    with open_index(address, settings=settings) as index:
        before, made = index.profile, load_encoder(name, scale=scale)
        fitting = made.fit_profile(before)
        if fitting:
            index.intake().change_profile(lambda profile: made.fit_profile(profile) or profile)
    return _tell(before, fitting)


def change_on_cluster(client: Client, target: Target, made: "Encoder") -> Profile | None:
    """Let the questions of an index on a cluster use an encoder; None where its passages differ."""
    fitting = made.fit_profile(target.profile)
    if fitting:
        client.run(change_profile(target, lambda profile: made.fit_profile(profile) or profile))
    return _tell(target.profile, fitting)


def _tell(before: Profile, profile: Profile | None) -> Profile | None:
    if profile:
        gone = "" if before.min_sim is None else f"; the least sim of {before.min_sim:g} is gone"
        say(
            f"passages keep their vectors and λ stays; the sim to expect is the new encoder's own{gone}: hybrid tune "
            "fits all of it to the questions' new tower"
        )
    return profile
