"""Figures of the service for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from finkd.experiments.service.messages import Worker

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts requests and their time.

    Args:
        waiting: returns how many requests are read or wait for a tagger.
        held: returns the bytes of all requests and answers that are held.
        workers: of the models.
    """

    def __init__(self, waiting: Callable[[], int], held: Callable[[], int], workers: Sequence[Worker]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "finkd_requests",
            "Requests to tag texts, by model and status of the answer.",
            ["model", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "finkd_request_seconds",
            "Time from the head of a request to its answer.",
            ["model"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        for name, about, value in (
            ("finkd_requests_waiting", "Requests that are read or wait for a tagger.", waiting),
            ("finkd_bytes_held", "Bytes of all requests and answers that are held.", held),
        ):
            Gauge(name, about, registry=self._registry).set_function(value)
        self._ready = Gauge("finkd_ready", "1 if the tagger is loaded.", ["model"], registry=self._registry)
        self._workers = workers

    def count(self, model: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._seconds.labels(model).observe(seconds)
        self._requests.labels(model, str(status)).inc()

    def text(self) -> bytes:
        """Return all figures in Prometheus's format."""
        for worker in self._workers:
            self._ready.labels(worker.served.name).set(worker.is_ready)
        return generate_latest(self._registry)
