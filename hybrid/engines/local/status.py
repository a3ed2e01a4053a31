"""How much of a local index is encoded, pending and failed."""

import numpy as np

from ...records import Share, Status
from .reader import Reader


def read_status(reader: Reader) -> Status:
    """Count what is searchable now. Passages that are gone count nowhere, so nothing is ever unsettled."""
    state = reader.state()
    passages = int(np.count_nonzero(state.view.alive))
    encoded = int(np.count_nonzero(state.view.alive & state.view.encoded))
    failed = int(np.count_nonzero(state.failed & state.view.alive))
    return Status(passages, encoded, passages - encoded - failed, failed, deleted=0)


def read_share(reader: Reader) -> Share:
    """Count what is alive, and the groups of arrays that hold it."""
    return Share(int(np.count_nonzero(reader.state().view.alive)), deleted=0, segments=reader.count_groups())
