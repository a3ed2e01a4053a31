"""What an OpenSearch node says of itself over HTTP: addresses in, yes or no out."""

import contextlib
import json
import urllib.request


def is_ready(url: str, *, nodes: int = 1) -> bool:
    """Whether so many nodes form a cluster whose shards are all there, as seen at this address."""
    status = "green" if nodes > 1 else "yellow"
    query = f"wait_for_nodes={nodes}&wait_for_status={status}&timeout=1s"
    with contextlib.suppress(OSError, ValueError):
        return not get_json(f"{url}/_cluster/health?{query}").get("timed_out", True)
    return False


def is_opensearch(url: str) -> bool:
    """Whether an OpenSearch node answers at this address."""
    with contextlib.suppress(OSError, ValueError):
        version = get_json(url).get("version")
        return isinstance(version, dict) and version.get("distribution") == "opensearch"
    return False


def get_json(url: str, *, seconds: float = 5.0) -> dict[str, object]:
    """Return the JSON object at this address; raise OSError or ValueError where there is none."""
    # No proxy of the environment lies between this machine and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=seconds) as answer:
        found = json.load(answer)
    if not isinstance(found, dict):
        raise ValueError(f"not an object at {url}")
    return found
