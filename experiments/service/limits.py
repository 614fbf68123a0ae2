"""Limits of the service: on a request, on connections, and on the bytes of all of them together."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import PositiveFloat, PositiveInt

from finkd.corpora.errors import ConfigError, FinkdError

MEGABYTE = 1 << 20
SMALL = 64 << 10
"""Smaller requests and answers, in bytes, may take the last quarter of the memory too: large ones do not stop them."""
PER_CONNECTION = 192 << 10
"""Bytes that one connection buffers at most beside its request and its answer: read, parsed and about to be sent."""


@dataclass(frozen=True)
class Limits:
    """Limits of single requests, and of all requests at once.

    Attributes:
        texts: most texts of a request.
        characters: most characters of all its texts.
        tokens: most tokens of a request, which is the model's work; ``None`` takes as many as ``characters``.
        seconds: longest time to read the head of a request, to read its body, and to answer it.
        waiting: most requests that are read, or wait for the tagger; more are told to come back.
        memory: bytes of all requests and answers that are held at once; ``None`` takes 128 MB, or eight of the largest
            requests. One answer may take a quarter.
        connections: most open connections.
        requests: most requests over one connection, which is then closed.
        stall_seconds: longest time in which a client that is sent something takes nothing of it.
        idle_seconds: longest time between two requests over one connection.
        shutdown_seconds: longest time that requests in work may take once the service is told to end.
    """

    texts: PositiveInt = 256
    characters: PositiveInt = 200_000
    tokens: PositiveInt | None = None
    seconds: PositiveFloat = 30.0
    waiting: PositiveInt = 256
    memory: PositiveInt | None = None
    connections: PositiveInt = 512
    requests: PositiveInt = 10_000
    stall_seconds: PositiveFloat = 10.0
    idle_seconds: PositiveFloat = 10.0
    shutdown_seconds: PositiveFloat = 5.0

    def __post_init__(self) -> None:
        if self.memory is not None and self.memory < 2 * self.bytes:
            raise ConfigError(
                f"memory: {self.memory} bytes do not hold two of the largest requests (of {self.bytes} bytes each); "
                "give more, or allow fewer characters and texts"
            )

    @property
    def bytes(self) -> int:
        """Largest body: a character takes at most 12 bytes of JSON, as two escapes."""
        return 12 * self.characters + 16 * self.texts + 1024

    @property
    def held(self) -> int:
        """Bytes of all requests and answers together."""
        return self.memory or max(128 * MEGABYTE, 8 * self.bytes)

    @property
    def answer(self) -> int:
        """Largest answer in bytes."""
        return self.held // 4

    @property
    def work(self) -> int:
        """Most tokens of a request."""
        return self.tokens or self.characters

    @property
    def peak(self) -> int:
        """Bytes that the service takes at most beyond what it takes after the largest single requests.

        All that is held, one answer on its way from each of the tagger's two threads, and the connections' buffers.
        """
        return self.held + 2 * self.answer + self.connections * PER_CONNECTION


class RefusedError(FinkdError):
    """A request that is not answered.

    Args:
        status: HTTP status.
        detail: why, in one line.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Memory:
    """Counts the bytes of all requests and answers that are held.

    Args:
        most: bytes at once.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0

    def take(self, count: int, held: int = 0) -> None:
        """Count bytes before they are held.

        Args:
            count: bytes.
            held: bytes that the same request holds already.

        Raises:
            RefusedError: 503, if they are too many.
        """
        most = self.most if held + count <= SMALL else self.most - self.most // 4
        if self.used + count > most:
            raise RefusedError(503, "too many bytes of requests and answers at once; come back in a moment")
        self.used += count

    def give_back(self, count: int) -> None:
        """Count bytes that are no longer held."""
        self.used -= count
