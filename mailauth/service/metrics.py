"""The figures of a service as Prometheus reads them.

A snapshot is what `supervisor` tells of itself; see `status`.  Counters go on
when a worker is replaced: the supervisor keeps what the ended ones had counted.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from mailauth.service.beat import Figure

_RESULTS = {
    Figure.FOUND: "found",
    Figure.NOT_FOUND: "not_found",
    Figure.REJECTED: "rejected",
    Figure.TEMPORARY: "temporary",
}
_EVENTS = {
    Figure.CONNECTIONS: ("connections", "Connections accepted."),
    Figure.REFUSED: ("connections_refused", "Connections closed at once: too many."),
    Figure.FAULTS: ("faults", "Requests that met a fault of the service."),
    Figure.BROKEN: ("connections_broken", "Connections closed for what was no request."),
    Figure.OVERDUE: ("connections_overdue", "Connections closed for taking too long."),
}


class _Figures(Collector):
    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        listeners: Mapping[str, list[int]] = self._snapshot.get("figures", {})
        requests = CounterMetricFamily(
            "mailauth_requests", "Requests answered.", labels=["listener", "result"]
        )
        for listener, figures in listeners.items():
            for figure, result in _RESULTS.items():
                requests.add_metric([listener, result], figures[figure])
        yield requests
        for figure, (name, words) in _EVENTS.items():
            counter = CounterMetricFamily(f"mailauth_{name}", words, labels=["listener"])
            for listener, figures in listeners.items():
                counter.add_metric([listener], figures[figure])
            yield counter
        gauge = GaugeMetricFamily(
            "mailauth_connections_open", "Connections open now.", labels=["listener"]
        )
        for listener, figures in listeners.items():
            gauge.add_metric([listener], figures[Figure.OPEN])
        yield gauge
        yield from self._processes()

    def _processes(self) -> Iterable[Metric]:
        processes = [one for one in self._snapshot.get("processes", []) if one["role"] == "worker"]
        working = sum(one["phase"] == "working" for one in processes)
        yield GaugeMetricFamily("mailauth_workers", "Workers that serve.", value=working)
        yield GaugeMetricFamily(
            "mailauth_oldest_request_seconds",
            "Age of the oldest request in work.",
            value=max((one["oldest_request"] for one in processes), default=0),
        )
        yield GaugeMetricFamily(
            "mailauth_oldest_beat_seconds",
            "Since the last beat of the worker that was silent the longest.",
            value=max((one["beat_age"] for one in processes), default=0),
        )
        restarts = self._snapshot.get("restarts", {}).get("total", 0)
        yield CounterMetricFamily(
            "mailauth_restarts", "Processes that ended unasked or were ended.", value=restarts
        )
        generation = self._snapshot.get("generation", 0)
        yield GaugeMetricFamily(
            "mailauth_configuration_generation", "Configurations taken so far.", value=generation
        )


def exposition(snapshot: Mapping[str, Any]) -> tuple[str, bytes]:
    """The content type and the text."""
    registry = CollectorRegistry()
    registry.register(_Figures(snapshot))
    return CONTENT_TYPE_LATEST, generate_latest(registry)
