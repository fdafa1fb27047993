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
    Figure.REFUSED: ("connections_refused", "Connections closed at once, for lack of room."),
    Figure.FAULTS: ("faults", "Requests in which the service had an internal error."),
    Figure.BROKEN: ("connections_broken", "Connections closed for a protocol error."),
    Figure.OVERDUE: ("connections_overdue", "Connections or messages that took too long."),
    Figure.DEFERRED: ("messages_deferred", "Messages that were deferred."),
    Figure.REFUSED_MESSAGES: ("messages_refused", "Messages that were refused."),
    Figure.QUARANTINED: ("messages_quarantined", "Messages that were quarantined."),
    Figure.DIFFERENT: ("messages_different", "Messages that another program judged otherwise."),
    Figure.POISONED: ("messages_poisoned", "Messages deferred because they had ended a worker."),
    Figure.REMOVED_FIELDS: ("fields_removed", "Fields removed because they claimed to be ours."),
    Figure.SENDERS_REWRITTEN: ("senders_rewritten", "Messages that left with an SRS sender."),
    Figure.BOUNCES_RETURNED: ("bounces_returned", "SRS recipients that were reversed."),
    Figure.BOUNCES_FORGED: ("bounces_forged", "Forged or expired SRS recipients or look-ups."),
    Figure.DNS_QUESTIONS: ("dns_questions", "Questions asked of the DNS."),
    Figure.DNS_REMEMBERED: ("dns_remembered", "Questions answered from memory."),
    Figure.DNS_FAILURES: ("dns_failures", "Questions that the DNS failed to answer."),
}


class _Figures(Collector):
    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        listeners: Mapping[str, list[int]] = self._snapshot.get("figures", {})
        for name, words, results in (
            ("requests", "Look-ups answered.", _RESULTS),
            ("messages", "Messages that were answered.", _MESSAGES),
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
        yield GaugeMetricFamily("mailauth_workers", "Workers that are serving.", value=working)
        yield GaugeMetricFamily(
            "mailauth_oldest_request_seconds",
            "Age of the oldest request in progress.",
            value=max((one["oldest_request"] for one in processes), default=0),
        )
        yield GaugeMetricFamily(
            "mailauth_oldest_beat_seconds",
            "Time since the last beat of the worker that is silent the longest.",
            value=max((one["beat_age"] for one in processes), default=0),
        )
        restarts = self._snapshot.get("restarts", {}).get("total", 0)
        yield CounterMetricFamily(
            "mailauth_restarts",
            "Processes that ended unexpectedly or were ended by the watchdog.",
            value=restarts,
        )
        generation = self._snapshot.get("generation", 0)
        yield GaugeMetricFamily(
            "mailauth_configuration_generation",
            "Number of the configuration that is in force.",
            value=generation,
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
