"""Forms of requests: finkd's own, and those of labelling tools that ask for suggestions."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from finkd.corpora.wording import counted
from finkd.experiments.service.label_studio import PredictRequest, SetupRequest
from finkd.experiments.service.limits import Limits, RefusedError
from finkd.experiments.service.messages import Asked, Received, TagRequest
from finkd.settings import without_prefix

TAG, SETUP, PREDICT = "tag", "label-studio/setup", "label-studio/predict"
FORMS: Mapping[str, type[TagRequest] | type[SetupRequest] | type[PredictRequest]] = {
    TAG: TagRequest,
    SETUP: SetupRequest,
    PREDICT: PredictRequest,
}
"""The class of requests of each form. Its name is the end of the address."""

_KEY_CHARACTERS = 50


def read_request(received: Received, limits: Limits) -> Asked:
    """Return what a request asks for.

    Raises:
        RefusedError: 422 if the body is not what was expected, 413 if it is too much.
    """
    kind = FORMS[received.form]
    try:
        found = from_json(received.body, cache_strings="none")
    except ValueError as error:
        raise RefusedError(422, f"body: not JSON ({error})") from error
    if not isinstance(found, dict):
        raise RefusedError(422, f"body: expected an object with {' and '.join(kind.model_fields)}")
    if kind.model_config.get("extra") == "forbid":
        _refuse_unknown(found, kind)
    try:
        asked = kind.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RefusedError(422, f"{where}: {without_prefix(first['msg'])}" if where else str(first["msg"])) from error
    if len(asked.texts) > limits.texts:
        raise RefusedError(413, f"texts: at most {limits.texts} at once (got {len(asked.texts)})")
    characters = sum(map(len, asked.texts))
    if characters > limits.characters:
        raise RefusedError(413, f"texts: at most {counted(limits.characters, 'character')} together (got {characters})")
    return asked


def _refuse_unknown(found: Mapping[str, object], kind: type[BaseModel]) -> None:
    """Refuse unknown keys before pydantic, which would list every one of a million."""
    extra = next((key for key in found if key not in kind.model_fields), None)
    if extra is not None:
        raise RefusedError(422, f"{extra[:_KEY_CHARACTERS]}: unknown key; expected {' and '.join(kind.model_fields)}")
