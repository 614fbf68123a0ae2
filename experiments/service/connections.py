"""The server and its connections, with limits on time, memory and number."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Any

import h11
import uvicorn
from starlette.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from finkd.corpora.errors import ConfigError
from finkd.experiments.service.limits import Limits

_HEAD_BYTES = 16 << 10
_READ_BYTES = 4096
_CHUNKED_READ_BYTES = 1024
"""A kilobyte of tiny chunks takes 2 ms to parse, in which no other connection is served."""
_WRITE_BYTES = 32 << 10
_SENDING_BYTES = 64 << 10
"""Of each connection's socket, in the kernel, which would otherwise take megabytes for a client that does not read."""
_BACKLOG = 128
_TOLD_TO_COME_BACK = 64
"""Connections beyond the limit that are answered 503; further ones are closed without a word."""
_TELL_SECONDS = 1.0
_OTHER_FILES = 64
_BUSY = JSONResponse(
    {"detail": "too many connections; come back in a moment"}, 503, {"Retry-After": "1", "Connection": "close"}
)
_INVALID = json.dumps({"detail": "not a request of HTTP/1.1, or its head is too long"}).encode()


class BoundedProtocol(H11Protocol):
    """The protocol of uvicorn, with bounds on time and on what is held.

    The whole head of a request has to come within ``seconds``, which begin with the connection, or with the first byte
    after an answer; more bytes do not move their end. What is sent has to be taken: a connection of which the client
    takes nothing for ``stall_seconds`` is aborted, one that was closed too.
    """

    limits: Limits
    _head_end: asyncio.TimerHandle | None = None
    _stall_end: asyncio.TimerHandle | None = None
    _requests = 0
    _counted: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, or tell it to come back."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_WRITE_BYTES)
        self._read_at_most(_READ_BYTES)
        over = len(self.connections) - self.limits.connections
        if over > _TOLD_TO_COME_BACK:
            transport.abort()
        elif over > 0:
            self.app = _BUSY
            self._head_end = self.loop.call_later(_TELL_SECONDS, transport.abort)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless nothing more is read from this connection."""
        if not self.transport.is_closing():
            super().data_received(data)

    def handle_events(self) -> None:
        """Take the events of what came."""
        super().handle_events()
        if self.cycle is not self._counted:
            self._counted = self.cycle
            self._requests += 1
            if self._requests >= self.limits.requests:
                self.cycle.keep_alive = False
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        for timer in (self._head_end, self._stall_end):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        """Begin to wait for the client to take what it was sent."""
        super().pause_writing()
        self._expect_progress()

    def resume_writing(self) -> None:
        """Go on; the client has taken it."""
        super().resume_writing()
        if self._stall_end is not None:
            self._stall_end.cancel()
            self._stall_end = None
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the client to take the rest of the answer."""
        super().on_response_complete()
        self._watch()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection over which nothing was asked for a while."""
        super().timeout_keep_alive_handler()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request; not after an answer has begun."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [("content-type", "application/json"), ("connection", "close")]
            headers.append(("content-length", str(len(_INVALID))))
            begin = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
            for event in (begin, h11.Data(data=_INVALID), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # the application has nobody to answer any more
            self.cycle.message_event.set()
        self.close()

    def close(self) -> None:
        """Close the connection once the client has taken what it was sent."""
        self.transport.close()
        self._expect_progress()

    def _expect_progress(self) -> None:
        if self._stall_end is None:
            self._stall_end = self.loop.call_later(self.limits.stall_seconds, _reset, self.transport)

    def _read_at_most(self, count: int) -> None:
        self.transport.max_size = count  # type: ignore[attr-defined]  # of asyncio's own transport: bytes of one read

    def _watch(self) -> None:
        """Wait for the head of a request, unless one is worked on: the application minds the time of that itself."""
        if self.transport.is_closing():
            self._expect_progress()
        elif self.cycle is not None and not self.cycle.response_complete and self.app is not _BUSY:
            is_chunked = any(key == b"transfer-encoding" for key, _ in self.headers)
            self._read_at_most(_CHUNKED_READ_BYTES if is_chunked else _READ_BYTES)
            if self._head_end is not None:
                self._head_end.cancel()
                self._head_end = None
        elif self._head_end is None:
            self._head_end = self.loop.call_later(self.limits.seconds, self.close)


class Server(uvicorn.Server):
    """Serves an application with bounds on everything that comes in, and on the time in which it ends.

    Args:
        app: the application.
        limits: on connections and time.
    """

    def __init__(self, app: Any, limits: Limits) -> None:
        self.limits = limits
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=type("Protocol", (BoundedProtocol,), {"limits": limits}),
                ws="none",
                log_level="error",  # a line for every broken request would fill the log
                access_log=False,
                backlog=_BACKLOG,
                timeout_keep_alive=limits.idle_seconds,  # type: ignore[arg-type]  # passed on to call_later
                timeout_graceful_shutdown=int(limits.shutdown_seconds) + 2,  # after ours, in case that were not enough
                h11_max_incomplete_event_size=_HEAD_BYTES,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End: answer what is in work for some seconds, then break off."""
        asyncio.get_running_loop().call_later(self.limits.shutdown_seconds, self._break_off)
        await super().shutdown(sockets)

    def _break_off(self) -> None:
        for connection in tuple(self.server_state.connections):
            _reset(connection.transport)


def _reset(transport: asyncio.Transport) -> None:
    """End a connection with all that was sent over it.

    A closed socket keeps what the client has not taken, for minutes, in memory that no limit counts.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.fileno() != -1:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        OSError: if the port is taken or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    # Accepted connections inherit both options. asyncio turns Nagle's algorithm off, but not on sockets like this one,
    # whose protocol is 0; with it, an answer's body waits until the client acknowledges its head, which takes 40 ms.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENDING_BYTES)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def allow_connections(count: int) -> None:
    """Let this process open as many files as its connections need.

    Raises:
        ConfigError: if the system does not let it.
    """
    try:
        import resource
    except ImportError:  # a system without such a limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _TOLD_TO_COME_BACK + _OTHER_FILES
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise ConfigError(
            f"--connections: expected at most {hard - wanted + count} (ulimit -Hn is {hard}; got {count})"
        )
    if soft != resource.RLIM_INFINITY and wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
