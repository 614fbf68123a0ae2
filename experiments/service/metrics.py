"""Figures of the service for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts requests and their time.

    Args:
        waiting: returns how many requests are read or wait for the tagger.
        held: returns the bytes of all requests and answers that are held.
        is_ready: returns whether the tagger is loaded.
    """

    def __init__(self, waiting: Callable[[], int], held: Callable[[], int], is_ready: Callable[[], bool]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "finkd_requests", "Requests to tag texts, by the status of the answer.", ["status"], registry=self._registry
        )
        self._seconds = Histogram(
            "finkd_request_seconds",
            "Time from the head of a request to its answer.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        for name, about, value in (
            ("finkd_requests_waiting", "Requests that are read or wait for the tagger.", waiting),
            ("finkd_bytes_held", "Bytes of all requests and answers that are held.", held),
            ("finkd_ready", "1 if the tagger is loaded.", is_ready),
        ):
            Gauge(name, about, registry=self._registry).set_function(value)

    @contextmanager
    def request(self) -> Iterator[Callable[[int], None]]:
        """Time a request; yields a function that is told the status of its answer."""
        began = time.perf_counter()
        status = 500

        def answered(found: int) -> None:
            nonlocal status
            status = found

        try:
            yield answered
        finally:
            self._seconds.observe(time.perf_counter() - began)
            self._requests.labels(str(status)).inc()

    def text(self) -> bytes:
        """Return all figures in Prometheus's format."""
        return generate_latest(self._registry)
