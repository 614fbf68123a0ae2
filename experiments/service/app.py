"""The HTTP service: a batch endpoint, a page to try a text, health, and limits on everything that comes in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect

from finkd.evaluation import Tagger
from finkd.tagging import tag

_PAGE = Path(__file__).with_name("page.html")
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'"
_JSON = "application/json"
_RETRY_SECONDS = 1


@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Attributes:
        texts: most texts of a request.
        characters: most characters of all its texts.
        seconds: longest time to read a request, and to answer it.
        waiting: most requests that are read, or wait for the tagger; more are told to come back.
    """

    texts: PositiveInt = 256
    characters: PositiveInt = 200_000
    seconds: PositiveFloat = 30.0
    waiting: PositiveInt = 256

    @property
    def bytes(self) -> int:
        """Largest body: a character takes at most 12 bytes of JSON, as two escapes."""
        return 12 * self.characters + 16 * self.texts + 1024


class Asked(BaseModel):
    """Texts to find the entities of."""

    model_config = ConfigDict(extra="forbid", strict=True)
    texts: Annotated[list[str], Field(min_length=1)]


class Entity(BaseModel):
    """A named entity; ``start`` and ``end`` count characters of the text (Unicode code points)."""

    start: int
    end: int
    label: str
    text: str


class Answer(BaseModel):
    """The entities of each text, in order."""

    results: list[list[Entity]]


class _RefusedError(Exception):
    """A request that cannot be answered."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class _Places:
    """Places of the requests that are read or wait for the tagger."""

    def __init__(self, most: int) -> None:
        self._free = most

    def take(self) -> None:
        if not self._free:
            raise _RefusedError(429, "too many requests at once; come back in a moment")
        self._free -= 1

    def give_back(self) -> None:
        self._free += 1


def make_app(tagger: Tagger, name: str, limits: Limits | None = None, hosts: tuple[str, ...] = ("*",)) -> FastAPI:
    """The service of a tagger.

    Args:
        tagger: reads one request at a time, with all threads that it has.
        name: of the model, for people.
        limits: on requests.
        hosts: names by which it may be called; a page elsewhere cannot call it by a name of its own.
    """
    limits = limits or Limits()
    app = FastAPI(title="finkd", description=f"Named entities by {name}", docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    worker = ThreadPoolExecutor(1)
    places = _Places(limits.waiting)

    async def answered(asked: Asked) -> list[list[Entity]]:
        work = worker.submit(_tagged, asked.texts, tagger)
        loop = asyncio.get_running_loop()
        work.add_done_callback(lambda _: loop.call_soon_threadsafe(places.give_back))
        found = await asyncio.wrap_future(work)  # given up, it is not begun, or else ends before the next one
        return [[Entity.model_validate(mention, from_attributes=True) for mention in each] for each in found]

    @app.post("/tag", response_model=Answer, openapi_extra=_described(limits), responses=_RESPONSES)
    async def tag_texts(request: Request) -> Any:
        """Find the entities of some texts."""
        places.take()
        try:
            asked = _checked(await _body(request, limits), limits)
        except BaseException:
            places.give_back()
            raise
        try:
            async with asyncio.timeout(limits.seconds):
                return Answer(results=await answered(asked))
        except TimeoutError as error:
            said = f"took longer than {limits.seconds:g} seconds; send less at once, or come back in a moment"
            raise _RefusedError(408, said) from error

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Whether the service is up, and what it serves."""
        return {"status": "ok", "model": name, "labels": sorted({label[2:] for label in tagger.labels if label != "O"})}

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(_PAGE.read_text(encoding="utf-8"))

    @app.exception_handler(_RefusedError)
    async def refused(request: Request, error: _RefusedError) -> JSONResponse:
        headers = {"Retry-After": str(_RETRY_SECONDS)} if error.status == 429 else None
        return JSONResponse({"detail": str(error)}, error.status, headers)

    @app.middleware("http")
    async def guarded(request: Request, proceed: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await proceed(request)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return app


def _tagged(texts: list[str], tagger: Tagger) -> list[tuple[Any, ...]]:
    return [each.mentions for each in tag(texts, tagger, len(texts))]


async def _body(request: Request, limits: Limits) -> bytes:
    """The body, read no further than the limits go."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise _RefusedError(415, f"expected content-type {_JSON}")
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds), contextlib.aclosing(request.stream()) as stream:
            async for part in stream:
                body += part
                if len(body) > limits.bytes:
                    raise _RefusedError(413, f"body is longer than {limits.bytes} bytes; send less at once")
    except TimeoutError as error:
        raise _RefusedError(408, f"the body took longer than {limits.seconds:g} seconds") from error
    except ClientDisconnect as error:
        raise _RefusedError(400, "the body was cut off") from error
    return bytes(body)


def _checked(body: bytes, limits: Limits) -> Asked:
    try:
        asked = Asked.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise _RefusedError(422, f"{where or 'body'}: {first['msg']}") from error
    if len(asked.texts) > limits.texts:
        raise _RefusedError(413, f"texts: at most {limits.texts} at once (got {len(asked.texts)})")
    characters = sum(map(len, asked.texts))
    if characters > limits.characters:
        raise _RefusedError(413, f"texts: at most {limits.characters} characters together (got {characters})")
    return asked


def _described(limits: Limits) -> dict[str, Any]:
    """What OpenAPI says of the body, which is read here and not by FastAPI."""
    schema = Asked.model_json_schema()
    schema["properties"]["texts"]["maxItems"] = limits.texts
    return {"requestBody": {"required": True, "content": {_JSON: {"schema": schema}}}}


_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "the request was cut off"},
    408: {"description": "it took too long"},
    413: {"description": "too much at once"},
    415: {"description": "the body is not JSON"},
    422: {"description": "the body is not what was expected"},
    429: {"description": "too many requests at once; Retry-After says when to come back"},
}
