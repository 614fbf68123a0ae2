"""Records of tasks: those of an earlier run of the same, or new ones, which are written down."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError, DataError
from finkd.experiments.configuration.layout import RECORDS, slug
from finkd.experiments.running.events import Event
from finkd.experiments.suites.request import Request
from finkd.machine.environment import environment
from finkd.machine.precision import resolve_precision
from finkd.settings import deciding
from finkd.store import address
from finkd.suites.record import SUFFIX, TaskRecord


def computed_once(
    request: Request, frame: TaskRecord, decides: Mapping[str, Any], make: Callable[[], TaskRecord]
) -> TaskRecord:
    """Return a record from an earlier run of the same, or a new one, which is written down.

    Args:
        request: whose record it is.
        frame: the record without what has to be computed.
        decides: everything beside the frame's names that decides what comes out; ``model`` is the address of the model.
        make: computes it.
    """
    already = stored_record(request, frame, decides)
    if already is not None:
        return already
    began = time.perf_counter()
    made = make()
    seconds = made.seconds or time.perf_counter() - began
    key = _key(frame, decides)
    known = environment(resolve_precision("auto"))
    origin = str(decides.get("model", ""))
    record = replace(made, key=key, origin=origin, seconds=seconds, stages=request.stages, environment=known)
    record.save(_path(request, frame))
    request.listen(Event(record.system, record.seed, record=record, task=record.task))
    return record


def check_name(request: Request, origin: str) -> None:
    """Check that no record in the output folder is of another model of this name, which a new one would replace.

    Args:
        request: whose name it is.
        origin: address of its model.

    Raises:
        ConfigError: if one is.
    """
    for path in (request.out / RECORDS).glob(f"*{SUFFIX}"):
        record = _readable(path)
        if record and slug(record.system) == slug(request.system) and record.origin not in ("", origin):
            raise ConfigError(
                f"{path}: {record.system} is another model; name this one with --as, or choose another --out"
            )


def stored_record(request: Request, frame: TaskRecord, decides: Mapping[str, Any]) -> TaskRecord | None:
    """Return a record from an earlier run of the same, with the role that is asked for now; see ``computed_once``."""
    path = _path(request, frame)
    record = _readable(path) if path.is_file() else None
    if record is None or record.key != _key(frame, decides):
        return None
    if record.role != frame.role:
        record = replace(record, role=frame.role)
        record.save(path)
    return record


def _readable(path: Path) -> TaskRecord | None:
    """Read a record; ``None`` for one that is damaged or of an earlier version, in whose place a new one is written."""
    try:
        return TaskRecord.load(path)
    except DataError:
        return None


def _key(frame: TaskRecord, decides: Mapping[str, Any]) -> str:
    return address(json.loads(json.dumps({"version": 1, "id": frame.id, **decides})))


def _path(request: Request, frame: TaskRecord) -> Path:
    words = (frame.suite, frame.task, frame.split, frame.system, frame.method, f"seed-{frame.seed}")
    return request.out / RECORDS / f"{'-'.join(map(slug, words))}{SUFFIX}"


def settings_json(value: Any) -> dict[str, Any]:
    """Return a settings object as JSON values, for an address."""
    found: dict[str, Any] = json.loads(json.dumps(deciding(value)))
    return found
