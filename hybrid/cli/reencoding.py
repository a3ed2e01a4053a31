"""``Reencoding``: adds what is missing until questions may change over, or watches workers do it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..engines.opensearch import reencode
from ..engines.opensearch.client import Client
from ..engines.opensearch.fields import list_others
from ..engines.opensearch.intake import Intake
from ..engines.opensearch.queries import Target
from ..engines.opensearch.reencode import Change
from ..engines.opensearch.status import read_status
from ..errors import EncoderMismatchError, ModelError, UsageError
from ..index import open_index
from ..isolate import fill_pending
from ..records import Filled, Status
from ..settings import Settings
from .following import Vectors
from .progress import Progress
from .scaling import find_scale

if TYPE_CHECKING:
    from ..encoders import Encoder


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be missing when questions change over."""

    #: Vectors of passages that only the old encoder can read.
    failed: bool = False
    #: The old encoder's vectors of passages that came meanwhile.
    gaps: bool = False


class Reencoding:
    """Brings an index to another encoder, whose vectors ``target`` names."""

    def __init__(self, client: Client, main: Target, target: Target, allowed: Allowed):
        self._client = client
        self._main = main
        self._target = target
        self._allowed = allowed

    def fill(self, encoder: "Encoder") -> Change:
        """Encode here until nothing stands in the way but what is not allowed; more may come meanwhile."""
        with Progress("vectors") as progress:
            self._fill_one(self._target, encoder, "vectors", progress)
            while self._is_to_go_on(change := self._finish()):
                if change.pending:
                    self._fill_one(self._target, encoder, "vectors", progress)
                else:
                    self._fill_one(self._main, self._load_main(change), "vectors of the way back", progress)
        return change

    def wait(self, address: str, settings: Settings) -> Change | None:
        """Watch workers until questions have changed over, or cannot; None if Ctrl-C came."""
        waits_for = self._target
        while self._follow(waits_for, address, settings):
            if not self._is_to_go_on(change := self._finish()):
                return change
            waits_for = self._target if change.pending else self._main
        return None

    def _is_to_go_on(self, change: Change) -> bool:
        """Tell whether anything is missing that can still be made."""
        return not change.done and bool(change.pending or (change.behind and not self._allowed.gaps))

    def _finish(self) -> Change:
        return self._client.run(
            reencode.finish(self._target, allow_losing=self._allowed.failed, allow_gaps=self._allowed.gaps)
        )

    def _fill_one(self, target: Target, encoder: "Encoder", label: str, progress: Progress) -> None:
        """Encode what lacks one encoder's vector now."""
        filled, intake = Filled(), Intake(self._client, target)
        status = self._client.run(read_status(target))
        before = status.encoded + status.failed
        progress.begin(label, before, status.passages)
        for part in fill_pending(intake, encoder.encode_passages):
            if not filled.encoded and part.encoded:
                self._client.run(reencode.probe(target))
            filled += part
            failed = f"{filled.failed:,} failed" if filled.failed else ""
            progress.update(before + filled.encoded + filled.failed, failed)

    def _load_main(self, change: Change) -> "Encoder":
        """Give the encoder that questions use still, which passages that came meanwhile want as well."""
        from ..encoders import load_for_profile

        try:
            return load_for_profile(self._main.profile)
        except (ModelError, EncoderMismatchError) as error:
            raise ModelError(
                f"{change.behind:,} passages have no vector of the encoder before: {error} --allow-gaps changes over "
                "without."
            ) from error

    def _follow(self, target: Target, address: str, settings: Settings) -> bool:
        """Watch one encoder's vectors come; False if Ctrl-C came first."""

        def read() -> Status:
            return self._client.run(read_status(target))

        with Progress("vectors") as progress:
            return Vectors(address, settings, progress, read).follow() is not None


def choose_encoder(
    client: Client,
    main: Target,
    address: str,
    name: str | None,
    scale: float | Literal["auto"] | None,
    questions: Path | None,
) -> "Encoder":
    """Give the encoder that is meant: by name, or the one that the index waits for."""
    from ..encoders import load_encoder, load_for_profile

    others = list(client.run(list_others(main)).values())
    if name is None:
        begun = [other.profile for other in others if other.filling]
        if len(begun) != 1:
            raise UsageError(f"Say which encoder {main.name} is to have: --encoder NAME.")
        return load_for_profile(begun[0])
    made = load_encoder(name, scale=scale)
    if made.scale is not None:
        return made
    for known in (other.profile for other in others if other.profile.pair_id == made.pair_id):
        # What was found out is not found out twice; a scale that was given gives way to one that is to be found out.
        if scale is None or known.scale_source == "auto":
            return made.with_scale(known.scale, known.scale_source, known.sim_prior)
    with open_index(address) as index:
        return find_scale(index, main.name, made, questions)
