"""``Metrics``: how a worker is, for Prometheus, on a port of its main process."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .notes import Health

#: Counts that a worker keeps, and what they say.
_DONE = {
    "encoded": "Passages that got a vector.",
    "failed": "Passages that the encoder cannot read.",
    "contested": "Passages that others kept changing; they wait for another turn.",
    "missing": "Passages that were gone when their turn came.",
    "messages": "Messages worked off.",
}


class Metrics:
    """Answers ``/metrics`` while the worker runs."""

    def __init__(self, port: int, ask: Callable[[], Health]):
        self._port = port
        self._registry = CollectorRegistry()
        self._registry.register(Gauges(ask))

    def start(self) -> None:
        """Open the port."""
        self._server, self._thread = start_http_server(self._port, registry=self._registry)

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Gauges(Collector):
    """Writes what a worker noted last as metrics."""

    def __init__(self, ask: Callable[[], Health]):
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        """Give every metric."""
        health = self._ask()
        for name, said in _DONE.items():
            unit = "" if name == "messages" else "passages_"
            yield CounterMetricFamily(f"hybrid_{unit}{name}", said, value=health.done.get(name, 0))
        yield GaugeMetricFamily("hybrid_queue_waiting", "Messages that wait for a worker.", value=health.waiting)
        yield GaugeMetricFamily("hybrid_queue_taken", "Messages that workers have taken.", value=health.taken)
        yield GaugeMetricFamily("hybrid_worker_healthy", "1 if nothing is wrong.", value=not health.trouble)
        yield GaugeMetricFamily("hybrid_worker_seen_seconds", "When the worker looked last.", value=health.time)
