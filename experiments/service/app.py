"""The HTTP service: each model's addresses, a page to try a text, health, and limits on every request."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from finkd.experiments.service.guard import Guard
from finkd.experiments.service.limits import Limits, RefusedError
from finkd.experiments.service.messages import Worker
from finkd.experiments.service.metrics import Metrics
from finkd.experiments.service.requests import Requests, retry_headers
from finkd.experiments.service.routes import model_routes
from finkd.experiments.service.tagger_threads import TaggerThreads
from finkd.inference.tagger import Tagger

_PAGE = Path(__file__).with_name("page.html")


def make_app(tagger: Tagger, name: str, limits: Limits | None = None, hosts: tuple[str, ...] = ("*",)) -> FastAPI:
    """Return the service of a tagger that runs in threads of this process.

    ``finkd serve`` runs it in a process of its own, so that connections are served while long texts are tagged.

    Args:
        tagger: finds the entities.
        name: of the model, for people.
        limits: on requests.
        hosts: names by which it may be called, beside those of this machine alone; ``"*"`` is any. Other names are
            refused: a page elsewhere can make a browser call the service by the page's own name.

    Example:
        >>> import finkd
        >>> app = finkd.make_app(finkd.load_tagger("tagger"), "tagger")
        >>> "/tag" in app.openapi()["paths"]
        True
    """
    limits = limits or Limits()
    return app_of([TaggerThreads(tagger, name, limits)], limits, hosts)


def app_of(workers: Sequence[Worker], limits: Limits, hosts: tuple[str, ...] = ("*",)) -> FastAPI:
    """Return the service of some workers, of which the first one answers where no model is named; see ``make_app``."""
    requests = Requests(limits)
    metrics = Metrics(lambda: limits.waiting - requests.free, lambda: requests.memory.used, workers)

    @contextlib.asynccontextmanager
    async def until_the_end(app: FastAPI) -> AsyncIterator[None]:
        yield
        for worker in workers:
            worker.close()

    app = FastAPI(
        title="finkd",
        description=f"Named entities by {', '.join(each.served.name for each in workers)}",
        docs_url=None,
        redoc_url=None,
        lifespan=until_the_end,
        redirect_slashes=False,
    )
    app.add_middleware(Guard, hosts=hosts)
    for worker in workers:
        app.include_router(model_routes(worker, requests, metrics), prefix=f"/models/{worker.served.name}")
    app.include_router(model_routes(workers[0], requests, metrics))
    _add_own_routes(app, workers, metrics)

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, error.status, retry_headers(error.status))

    @app.exception_handler(404)
    async def unknown(request: Request, error: Exception) -> JSONResponse:
        names = ", ".join(each.served.name for each in workers)
        return JSONResponse({"detail": f"there is nothing at this address; models: {names}"}, 404)

    return app


def _add_own_routes(app: FastAPI, workers: Sequence[Worker], metrics: Metrics) -> None:
    """Add what is asked of the service, and of no model: health, figures, and the page."""
    page = _PAGE.read_text(encoding="utf-8")

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Whether the service is up, and what it serves; the first model answers where none is named."""
        return {"status": "ok", "models": [_about(each) for each in workers]}

    @app.get("/metrics", response_class=PlainTextResponse)
    async def figures() -> Response:
        """Requests by status, their time, and what is held, in Prometheus's format."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/ready", responses={503: {"description": "a tagger is being loaded"}})
    async def ready() -> dict[str, Any]:
        """Whether requests to every model can be answered now."""
        for worker in workers:
            if not worker.is_ready:
                raise RefusedError(503, f"{worker.served.name} is being loaded; come back in a moment")
        return {"ready": True}

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def try_it() -> HTMLResponse:
        return HTMLResponse(page)


def _about(worker: Worker) -> dict[str, Any]:
    return {"name": worker.served.name, "ready": worker.is_ready, "labels": list(worker.served.types)}
