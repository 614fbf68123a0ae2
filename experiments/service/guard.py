"""Checks of every request before the application sees it."""

from __future__ import annotations

from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from finkd.experiments.console.loopback import answers_to

_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'"
_HEADERS = ((b"content-security-policy", _POLICY.encode()), (b"x-content-type-options", b"nosniff"))
_MOST_HEADERS = 100
_LONGEST_ADDRESS = 2048


class Guard:
    """Checks on every request: refuses other host names, long addresses and many headers. Adds headers to responses.

    Args:
        app: what requests are passed on to.
        hosts: names by which it may be called, beside those of this machine alone; ``"*"`` is any.
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
        host = next((value.decode("latin-1") for key, value in scope["headers"] if key == b"host"), "")
        if not answers_to(host, self.hosts):
            return JSONResponse({"detail": "host: not a name of this service (see finkd serve --allow-host)"}, 400)
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _LONGEST_ADDRESS:
            return JSONResponse({"detail": f"the address is longer than {_LONGEST_ADDRESS} bytes"}, 414)
        if len(scope["headers"]) > _MOST_HEADERS:
            return JSONResponse({"detail": f"more than {_MOST_HEADERS} headers"}, 431)
        return None
