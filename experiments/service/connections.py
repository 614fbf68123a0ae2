"""Connections of the service that are closed when no request comes over them."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


def closing_after(seconds: float) -> type[H11Protocol]:
    """The protocol of uvicorn, but for connections over which nothing is asked.

    Args:
        seconds: within which the whole head of a request has to come. They begin with the connection, or with the first
            byte after an answer; more bytes do not move their end.
    """

    class Closing(H11Protocol):
        _end: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._watch()

        def handle_events(self) -> None:
            super().handle_events()
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._rest()

        def _watch(self) -> None:
            if self.cycle is not None and not self.cycle.response_complete:  # the service minds a request's time itself
                self._rest()
            elif self._end is None and not self.transport.is_closing():
                self._end = self.loop.call_later(seconds, self.transport.close)

        def _rest(self) -> None:
            if self._end is not None:
                self._end.cancel()
                self._end = None

    return Closing
