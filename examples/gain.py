"""What changed between two evaluations of the same questions: ``python examples/gain.py before.jsonl after.jsonl``.

Both files are what ``hybrid eval --per-question`` writes. A line is a mode, a metric, and the gain in points with its
95 % interval.
"""

import json
import sys
from pathlib import Path

from hybrid.evaluation.bootstrap import compare

METRICS = ("top1", "top5", "top20", "top100")


def main() -> None:
    """Print a line for each mode and metric."""
    before, after = (list(map(json.loads, Path(name).read_text("utf-8").splitlines())) for name in sys.argv[1:3])
    if [(row["id"], row["question"]) for row in before] != [(row["id"], row["question"]) for row in after]:
        sys.exit(f"{sys.argv[1]} and {sys.argv[2]} are of different questions; evaluate both by the same ones.")
    for mode in after[0]["modes"]:
        for metric in METRICS:
            columns = [[row["modes"][mode][metric] for row in rows] for rows in (after, before)]
            (gain,) = compare([(columns[0], columns[1])])
            points = [f"{100 * value:+.1f}" for value in (gain.mean, gain.low, gain.high)]
            sys.stdout.write("\t".join((mode, metric, *points)) + "\n")


if __name__ == "__main__":
    main()
