"""JSON schema of configurations, by which editors complete and check keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter

from finkd.documented import settings_of, settings_within
from finkd.experiments.configuration.experiment import Experiment, System
from finkd.experiments.configuration.teachers import TeacherReference
from finkd.experiments.suites import suites
from finkd.experiments.suites.encoder_experiment import (
    TASK_SETTINGS,
    TASKS,
    Encoder,
    EncoderExperiment,
    Tasks,
    settings_class,
)
from finkd.stages import stages

Schema = dict[str, Any]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_STAGE = "stage:"


def configuration_schema() -> Schema:
    """Return the schema of a configuration: of students of an encoder if it has ``suites``, or else of an experiment.

    Keys that other keys decide, such as ``search`` for ``finkd tune``, are included.

    Example:
        >>> sorted(configuration_schema()["else"]["properties"]["seeds"])
        ['default', 'description', 'items', 'title', 'type']
    """
    return {
        "$schema": _DIALECT,
        "if": {"required": ["suites"]},
        "then": _encoder_schema(),
        "else": _experiment_schema(),
        "$defs": _definitions(),
    }


def _experiment_schema() -> Schema:
    whole = _with_stages(_schema(Experiment))
    whole["properties"]["search"] = {"type": "object", "description": "what 'finkd tune' varies"}
    return whole


def _encoder_schema() -> Schema:
    whole = _with_stages(_schema(EncoderExperiment))
    whole["properties"]["suites"] |= {
        "properties": {name: _tasks(name, tasks) for name, tasks in TASKS.items()},
        "additionalProperties": False,
    }
    return whole


def _tasks(suite: str, tasks: Iterable[str]) -> Schema:
    """Return the schema of what is run of a suite: its tasks, and the settings that it has."""
    about = {setting.name: setting.about for setting in settings_of(Tasks)}
    return {
        "type": "object",
        "description": suites.entries()[suite].summary,
        "properties": {
            "tasks": {"type": "array", "items": {"enum": list(tasks)}, "description": about["tasks"]},
            "settings": {"$ref": f"#/$defs/{settings_class(suite).__name__}", "description": about["settings"]},
        },
        "additionalProperties": False,
    }


def _with_stages(whole: Schema) -> Schema:
    whole["properties"]["stages"] |= {
        "patternProperties": {f"^{name}(:.*)?$": {"$ref": f"#/$defs/{_STAGE}{name}"} for name in stages},
        "additionalProperties": False,
    }
    return whole


def _definitions() -> dict[str, Schema]:
    """Return the schemas of what stands within configurations, by name."""
    named = {name: stages.get(name) for name in stages}
    kinds = {settings_class(suite) for suite in TASKS}
    within = {each for kind in (Experiment, EncoderExperiment, *kinds, *named.values()) for each in _dataclasses(kind)}
    found = {each.__name__: _partial(_schema(each)) for each in within | kinds}
    found |= {f"{_STAGE}{name}": _partial(_schema(kind)) for name, kind in named.items()}
    found[System.__name__] = _system()
    settings = {key: value for kind in TASK_SETTINGS for key, value in found[kind.__name__]["properties"].items()}
    found[Encoder.__name__]["properties"]["settings"] |= {"properties": settings, "additionalProperties": False}
    return dict(sorted(found.items()))


def _system() -> Schema:
    system = _partial(_schema(System))
    reference = {"$ref": f"#/$defs/{TeacherReference.__name__}"}
    system["properties"]["teacher"]["anyOf"] = [
        {"type": "string"},
        reference,
        {"type": "array", "items": {"anyOf": [{"type": "string"}, reference]}},
    ]
    system["properties"]["after"] = {"type": "string", "description": "a system above it, where this one goes on"}
    return system


def _schema(kind: type) -> Schema:
    """Return the schema of a dataclass with what its docstring says; dataclasses within it are referred to."""
    found: Schema = TypeAdapter(kind).json_schema()
    found.pop("$defs", None)
    found["additionalProperties"] = False
    for setting in settings_of(kind):
        found["properties"][setting.name]["description"] = setting.about
    return found


def _partial(schema: Schema) -> Schema:
    """Return a schema whose keys may all be left out: a more special setting gives what is missing."""
    return {key: value for key, value in schema.items() if key != "required"}


def _dataclasses(kind: type) -> Iterator[type]:
    """Yield the dataclasses in the fields of one, at any depth."""
    for setting in settings_of(kind):
        for each in settings_within(setting.kind):
            yield each
            yield from _dataclasses(each)
