"""What is counted, for ``/metrics``."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from .answering import Note

#: Prometheus' text format.
MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Measures:
    """Counters of one gateway."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter("hybrid_requests", "Requests", ["route", "status"], registry=self._registry)
        self._seconds = Histogram(
            "hybrid_request_seconds", "Time to answer", ["route"], buckets=_SECONDS, registry=self._registry
        )
        self._searches = Counter(
            "hybrid_searches", "Searches, and why they were not hybrid", ["mode", "reason"], registry=self._registry
        )

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_search(self, note: Note) -> None:
        """Count a search."""
        self._searches.labels(note.mode, note.reason or "none").inc()

    def write(self) -> bytes:
        """Write all in Prometheus' text format."""
        return generate_latest(self._registry)
