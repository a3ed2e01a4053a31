"""Requests of real search pages, with what the gateway makes of each."""

import json
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden" / "gateway"
#: What each page sends, by the page's name.
SENT = {path.stem: json.loads(path.read_text("utf-8"))["sent"] for path in sorted(GOLDEN.glob("*.json"))}
