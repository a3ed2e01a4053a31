"""The feeder, killed at a moment: ``python -m tests.local_feeder MOMENT FOLDER FILE REJECTS [words|document] …``."""

import sys
import threading

from tests.integration import feeder
from tests.local_story import kill_at


def main() -> None:
    moment = int(sys.argv.pop(1))
    count = kill_at(moment)
    threading.setprofile(sys.getprofile())
    feeder.main()
    sys.setprofile(None)
    print(f"{count()} moments", flush=True)


if __name__ == "__main__":
    main()
