"""Read requests within their limits, hand them to workers, and send the replies."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from finkd.corpora.wording import counted
from finkd.experiments.service.limits import Limits, Memory, RefusedError
from finkd.experiments.service.messages import Received, Reply, Worker

JSON_TYPE = "application/json"
_RETRY_SECONDS = 1


class Requests:
    """Reads requests, hands them to workers and waits for their replies."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.memory, self.free = Memory(limits.held), limits.waiting

    async def reply(self, form: str, request: Request, worker: Worker) -> Reply:
        """Return the reply to a request, whose bytes are counted in ``memory``.

        Raises:
            RefusedError: if it is too much, too slow, or not what was expected.
        """
        if not self.free:
            raise RefusedError(429, "too many requests at once; come back in a moment")
        self.free -= 1
        body = bytearray()
        try:
            await self._read(request, body)
        except BaseException:
            self._leave(len(body))
            raise
        work = self._begin(Received(form, bytes(body)), worker)
        reply = await self._finished(request, *work)
        self.memory.take(reply.size)
        return reply

    async def _read(self, request: Request, body: bytearray) -> None:
        """Read the body, no further than the limits go."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON_TYPE:
            raise RefusedError(415, f"expected content-type {JSON_TYPE}")
        most = self.limits.bytes
        too_long = RefusedError(413, f"body is longer than {counted(most, 'byte')}; send less at once")
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and len(declared) > len(str(most)):
            raise too_long
        try:
            async with asyncio.timeout(self.limits.seconds), contextlib.aclosing(request.stream()) as stream:
                async for part in stream:
                    if len(body) + len(part) > most:
                        raise too_long
                    self.memory.take(len(part), len(body))
                    body += part
        except TimeoutError as error:
            raise RefusedError(408, f"the body took longer than {counted(self.limits.seconds, 'second')}") from error
        except ClientDisconnect as error:
            raise RefusedError(400, "the body was cut off") from error

    def _begin(self, received: Received, worker: Worker) -> tuple[asyncio.Future[Reply | None], Any]:
        """Hand a request over; its place and its bytes are free when the work has ended, cancelled or not."""
        loop = asyncio.get_running_loop()
        finished: asyncio.Future[Reply | None] = loop.create_future()

        def end(reply: Reply | None) -> None:
            self._leave(len(received.body))
            if not finished.done():
                finished.set_result(reply)

        def done(reply: Reply | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the service has ended
                loop.call_soon_threadsafe(end, reply)

        return finished, worker.submit(received, done)

    async def _finished(self, request: Request, finished: asyncio.Future[Reply | None], cancel: Any) -> Reply:
        """Wait for a reply, but no longer than is allowed, nor than there is someone who waits for it."""
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait((finished, gone), timeout=self.limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            reply = finished.result() if finished.done() else None
        finally:
            gone.cancel()
            if not finished.done():
                cancel()
                finished.cancel()
        if reply is None:
            longest = counted(self.limits.seconds, "second")
            raise RefusedError(408, f"took longer than {longest}; send less at once, or come back in a moment")
        return reply

    def _leave(self, count: int) -> None:
        self.free += 1
        self.memory.give_back(count)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Sent(Response):
    """Sends a reply part by part, as fast as the client takes it, and drops each part as it goes."""

    def __init__(self, reply: Reply, memory: Memory) -> None:
        self.reply, self.memory = reply, memory
        self.left = reply.size
        headers = {"content-length": str(self.left), **retry_headers(reply.status)}
        super().__init__(None, reply.status, headers, media_type=JSON_TYPE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        parts = self.reply.parts
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            parts.reverse()
            while parts:
                part = parts.pop()
                await send({"type": "http.response.body", "body": part, "more_body": bool(parts)})
                self.left -= len(part)
                self.memory.give_back(len(part))
        finally:
            self.memory.give_back(self.left)


def retry_headers(status: int) -> dict[str, str]:
    """Return what tells a client when to come back."""
    return {"Retry-After": str(_RETRY_SECONDS)} if status in (429, 503) else {}
