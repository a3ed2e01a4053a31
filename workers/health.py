"""``python -m workers.health [NODE]``: exit code 0 if the workers of this machine are well, else 1 and what is wrong.

Made for health checks of containers: it needs neither the broker nor the cluster, only what workers note of
themselves, and it notices a worker that hangs by what it does not note any more.
"""

import sys
import time
from collections.abc import Sequence

from hybrid.settings import read_settings

from .notes import Health, read_notes

#: Seconds after which a worker that says nothing counts as hanging.
SILENT_AFTER = 60.0


def main(arguments: Sequence[str]) -> int:
    """Print how each worker is and give the exit code."""
    found = [health for health in read_notes(read_settings()) if not arguments or health.node in arguments]
    for health in found:
        print(describe(health), flush=True)  # noqa: T201 - this is a command
    if not found:
        print("no worker runs here; start one: celery -A workers.app worker -Q encode")  # noqa: T201
    return 0 if found and not any(map(find_trouble, found)) else 1


def find_trouble(health: Health) -> str:
    """Give what is wrong with a worker; nothing if it is well."""
    silent = time.time() - health.time
    return f"it has said nothing for {silent:.0f} s" if silent > SILENT_AFTER else health.trouble


def describe(health: Health) -> str:
    """Write a line about a worker."""
    trouble = find_trouble(health)
    waits = f"; {health.waits_for}" if health.waits_for else ""
    return f"{health.node}: {trouble}" if trouble else f"{health.node}: well{waits}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
