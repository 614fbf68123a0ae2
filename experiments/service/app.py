"""The HTTP service: a batch endpoint, a page to try a text, health, and limits on every request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from finkd.corpora.wording import counted
from finkd.experiments.service.limits import Limits, Memory, RefusedError
from finkd.experiments.service.messages import Answer, Asked, Reply, Worker
from finkd.experiments.service.metrics import CONTENT_TYPE, Metrics

if TYPE_CHECKING:
    from finkd.inference.tagger import Tagger

_PAGE = Path(__file__).with_name("page.html")
_JSON = "application/json"
_RETRY_SECONDS = 1
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'"
_HEADERS = ((b"content-security-policy", _POLICY.encode()), (b"x-content-type-options", b"nosniff"))
_MOST_HEADERS = 100
_LONGEST_ADDRESS = 2048


def make_app(tagger: Tagger, name: str, limits: Limits | None = None, hosts: tuple[str, ...] = ("*",)) -> FastAPI:
    """Return the service of a tagger that runs in threads of this process.

    ``finkd serve`` runs it in a process of its own, so that connections are served while long texts are tagged.

    Args:
        tagger: finds the entities.
        name: of the model, for people.
        limits: on requests.
        hosts: names by which it may be called; a page elsewhere cannot call it by a name of its own.

    Example:
        >>> import finkd
        >>> app = finkd.make_app(finkd.load_tagger("tagger"), "tagger")
        >>> "/tag" in [route.path for route in app.routes]
        True
    """
    from finkd.experiments.service.answers import TaggerThreads  # imports torch

    limits = limits or Limits()
    return app_of(TaggerThreads(tagger, limits), name, limits, hosts)


def app_of(worker: Worker, name: str, limits: Limits, hosts: tuple[str, ...] = ("*",)) -> FastAPI:
    """Return the service of a worker; see ``make_app``."""

    @contextlib.asynccontextmanager
    async def until_the_end(app: FastAPI) -> AsyncIterator[None]:
        yield
        worker.close()

    app = FastAPI(
        title="finkd",
        description=f"Named entities by {name}",
        docs_url=None,
        redoc_url=None,
        lifespan=until_the_end,
        redirect_slashes=False,
    )
    app.add_middleware(Guard, hosts=hosts)
    requests = _Requests(worker, limits)
    metrics = Metrics(lambda: limits.waiting - requests.free, lambda: requests.memory.used, lambda: worker.is_ready)
    text = _PAGE.read_text(encoding="utf-8")
    schema = Asked.model_json_schema()
    schema["properties"]["texts"]["maxItems"] = limits.texts
    described = {"requestBody": {"required": True, "content": {_JSON: {"schema": schema}}}}  # read here, not by FastAPI

    @app.post("/tag", response_model=Answer, openapi_extra=described, responses=_RESPONSES)
    async def tag_texts(request: Request) -> Any:
        """Find the entities of some texts."""
        with metrics.request() as answered:
            try:
                reply = await requests.reply(request)
            except RefusedError as error:
                answered(error.status)
                raise
            answered(reply.status)
        return _Sent(reply, requests.memory)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Whether the service is up, whether its tagger is loaded, and what it serves."""
        return {"status": "ok", "ready": worker.is_ready, "model": name, "labels": list(worker.types)}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def figures() -> Response:
        """Requests by status, their time, and what is held, in Prometheus's format."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @app.get("/ready", responses={503: {"description": "the tagger is being loaded"}})
    async def ready() -> dict[str, Any]:
        """Whether requests can be answered now."""
        if not worker.is_ready:
            raise RefusedError(503, "the tagger is being loaded; come back in a moment")
        return {"ready": True}

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(text)

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, error.status, _retry(error.status))

    return app


def _retry(status: int) -> dict[str, str]:
    return {"Retry-After": str(_RETRY_SECONDS)} if status in (429, 503) else {}


class _Requests:
    """Reads requests, hands them to the worker and waits for its replies."""

    def __init__(self, worker: Worker, limits: Limits) -> None:
        self.worker, self.limits = worker, limits
        self.memory, self.free = Memory(limits.held), limits.waiting

    async def reply(self, request: Request) -> Reply:
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
        work = self._begin(bytes(body))
        reply = await self._finished(request, *work)
        self.memory.take(reply.size)
        return reply

    async def _read(self, request: Request, body: bytearray) -> None:
        """Read the body, no further than the limits go."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
            raise RefusedError(415, f"expected content-type {_JSON}")
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

    def _begin(self, body: bytes) -> tuple[asyncio.Future[Reply | None], Any]:
        """Hand a body over; its place and its bytes are free when the work has ended, cancelled or not."""
        loop = asyncio.get_running_loop()
        finished: asyncio.Future[Reply | None] = loop.create_future()

        def end(reply: Reply | None) -> None:
            self._leave(len(body))
            if not finished.done():
                finished.set_result(reply)

        def done(reply: Reply | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the service has ended
                loop.call_soon_threadsafe(end, reply)

        return finished, self.worker.submit(body, done)

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


class Guard:
    """Checks on every request: refuses other host names, long addresses and many headers. Adds headers to responses.

    Args:
        app: what requests are passed on to.
        hosts: names by which it may be called; ``"*"`` is any.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, sent)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        host = next((value.decode("latin-1").lower() for key, value in scope["headers"] if key == b"host"), "")
        name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]  # without the port
        if "*" not in self.hosts and name not in self.hosts:
            return JSONResponse({"detail": "host: not a name of this service"}, 400)
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _LONGEST_ADDRESS:
            return JSONResponse({"detail": f"the address is longer than {_LONGEST_ADDRESS} bytes"}, 414)
        if len(scope["headers"]) > _MOST_HEADERS:
            return JSONResponse({"detail": f"more than {_MOST_HEADERS} headers"}, 431)
        return None


class _Sent(Response):
    """Sends a reply part by part, as fast as the client takes it, and drops each part as it goes."""

    def __init__(self, reply: Reply, memory: Memory) -> None:
        self.reply, self.memory = reply, memory
        self.left = reply.size
        headers = {"content-length": str(self.left), **_retry(reply.status)}
        super().__init__(None, reply.status, headers, media_type=_JSON)

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


_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "the request was cut off"},
    408: {"description": "it took too long"},
    413: {"description": "too much at once"},
    415: {"description": "the body is not JSON"},
    422: {"description": "the body is not what was expected"},
    429: {"description": "too many requests at once; Retry-After says when to come back"},
    503: {"description": "too much in memory, or the tagger is being loaded; Retry-After says when to come back"},
}
