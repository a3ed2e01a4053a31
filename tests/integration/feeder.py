"""A process that ingests a file of JSON lines in small batches, made to be killed:

python -m tests.integration.feeder ADDRESS FILE REJECTS [words|document] [load] [slow]
"""

import sys
from pathlib import Path
from typing import cast

from hybrid import isolate
from ingest import batches, job
from ingest.sources import read_sources
from ingest.splitter import By
from tests.integration.feeding import feed

BATCH = 8


def main() -> None:
    address, source, rejects, by, *options = sys.argv[1:]
    batches.MAX_PASSAGES = BATCH
    isolate.FILL_SIZE = BATCH
    job.SAVE_INTERVAL = 0.0
    if "slow" in options:
        job.SLOW_ENCODER = float("inf")
    rows = read_sources([source], format="jsonl")
    summary = feed(address, rows, Path(rejects), by=cast(By, by), resume=True, load_mode="load" in options)
    print(summary.tally.proof())


if __name__ == "__main__":
    main()
