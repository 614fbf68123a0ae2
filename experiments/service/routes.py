"""The addresses of one model."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from finkd.experiments.service.forms import FORMS, PREDICT, SETUP, TAG
from finkd.experiments.service.limits import RefusedError
from finkd.experiments.service.logs import log_request
from finkd.experiments.service.messages import Answer, Worker
from finkd.experiments.service.metrics import Metrics
from finkd.experiments.service.requests import JSON_TYPE, Requests, Sent


def model_routes(worker: Worker, requests: Requests, metrics: Metrics) -> APIRouter:
    """Return the addresses of one model: finkd's own, and those that Label Studio asks of a backend."""
    router = APIRouter()
    name = worker.served.name

    async def answer(form: str, request: Request) -> Response:
        began, status = time.perf_counter(), 500
        try:
            reply = await requests.reply(form, request, worker)
            status = reply.status
        except RefusedError as error:
            status = error.status
            raise
        finally:
            seconds = time.perf_counter() - began
            metrics.count(name, status, seconds)
            log_request(name, request.url.path, status, seconds)
        return Sent(reply, requests.memory)

    def described(form: str) -> dict[str, Any]:  # the body is read here, not by FastAPI
        schema = FORMS[form].model_json_schema()
        for key in {"texts", "tasks"} & set(schema["properties"]):
            schema["properties"][key]["maxItems"] = requests.limits.texts
        return {"requestBody": {"required": True, "content": {JSON_TYPE: {"schema": schema}}}}

    @router.post("/tag", response_model=Answer, openapi_extra=described(TAG), responses=_RESPONSES)
    async def tag_texts(request: Request) -> Any:
        """Find the entities of some texts."""
        return await answer(TAG, request)

    @router.get("/label-studio/health")
    async def label_studio_health() -> dict[str, str]:
        """Whether the service is up, as Label Studio asks for it."""
        return {"status": "UP", "model_class": name}

    @router.post("/label-studio/setup", openapi_extra=described(SETUP), responses=_RESPONSES)
    async def label_studio_setup(request: Request) -> Any:
        """Compare a labelling interface with the types of the model, and name the model."""
        return await answer(SETUP, request)

    @router.post("/label-studio/predict", openapi_extra=described(PREDICT), responses=_RESPONSES)
    async def label_studio_predict(request: Request) -> Any:
        """Suggest entities for some tasks."""
        return await answer(PREDICT, request)

    @router.post("/label-studio/webhook", status_code=201)
    async def label_studio_webhook() -> dict[str, str]:
        """Take note of an event, such as a new annotation. Nothing is learned from it."""
        return {}

    return router


_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "the request was cut off"},
    408: {"description": "it took too long"},
    413: {"description": "too much at once"},
    415: {"description": "the body is not JSON"},
    422: {"description": "the body is not what was expected"},
    429: {"description": "too many requests at once; Retry-After says when to come back"},
    503: {"description": "too much in memory, or the tagger is being loaded; Retry-After says when to come back"},
}
