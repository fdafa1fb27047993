"""The figures of a service as Prometheus reads them.

A snapshot is what the supervisor reports of itself; see `status`.  Counters go on
when a worker is replaced: the supervisor keeps what earlier workers counted.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from mailauth.service.telling.beat import VERDICTS, Figure

_RESULTS = {
    Figure.FOUND: "found",
    Figure.NOT_FOUND: "not_found",
    Figure.REJECTED: "rejected",
    Figure.TEMPORARY: "temporary",
}
_MESSAGES = {
    Figure.SIGNED: "signed",
    Figure.JUDGED: "judged",
    Figure.PASSED: "passed",
    Figure.STOPPED: "stopped",
}
_EVENTS = {
    Figure.CONNECTIONS: ("connections", "Connections accepted."),
    Figure.REFUSED: ("connections_refused", "Connections closed at once: too many."),
    Figure.FAULTS: ("faults", "Requests that met a fault of the service."),
    Figure.BROKEN: ("connections_broken", "Connections closed for what was no request."),
    Figure.OVERDUE: ("connections_overdue", "Connections closed for taking too long."),
    Figure.DEFERRED: ("messages_deferred", "Messages that were deferred."),
    Figure.REFUSED_MESSAGES: ("messages_refused", "Messages that were refused."),
    Figure.QUARANTINED: ("messages_quarantined", "Messages that were put aside."),
    Figure.POISONED: ("messages_poisoned", "Messages deferred for having ended a worker."),
    Figure.REMOVED_FIELDS: ("fields_removed", "Fields that claimed to be of this host."),
    Figure.SENDERS_REWRITTEN: ("senders_rewritten", "Messages that left with an SRS sender."),
    Figure.BOUNCES_RETURNED: ("bounces_returned", "SRS recipients that were put back."),
    Figure.BOUNCES_FORGED: ("bounces_forged", "Forged or expired SRS recipients or look-ups."),
    Figure.DNS_QUESTIONS: ("dns_questions", "Questions that the DNS was asked."),
    Figure.DNS_REMEMBERED: ("dns_remembered", "Questions whose answer was remembered."),
    Figure.DNS_FAILURES: ("dns_failures", "Questions that the DNS failed to answer."),
}


class _Figures(Collector):
    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        listeners: Mapping[str, list[int]] = self._snapshot.get("figures", {})
        for name, words, results in (
            ("requests", "Look-ups answered.", _RESULTS),
            ("messages", "Messages that came to their end.", _MESSAGES),
        ):
            family = CounterMetricFamily(f"mailauth_{name}", words, labels=["listener", "result"])
            for listener, figures in listeners.items():
                for figure, result in results.items():
                    family.add_metric([listener, result], figures[figure])
            yield family
        yield _verdicts(listeners)
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


def _verdicts(listeners: Mapping[str, list[int]]) -> Metric:
    """The verdicts that occurred; most listeners judge nothing."""
    family = CounterMetricFamily(
        "mailauth_verdicts", "Verdicts on messages.", labels=["listener", "method", "result"]
    )
    for listener, figures in listeners.items():
        for figure, (method, result) in VERDICTS.items():
            if figures[figure]:
                family.add_metric([listener, method, result], figures[figure])
    return family


def exposition(snapshot: Mapping[str, Any]) -> tuple[str, bytes]:
    """The content type and the text for Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Figures(snapshot))
    return CONTENT_TYPE_LATEST, generate_latest(registry)
