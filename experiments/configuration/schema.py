"""JSON schema of a configuration, by which editors complete and check keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from finkd.documented import settings_of, settings_within
from finkd.experiments.configuration.experiment import Experiment, System
from finkd.experiments.configuration.teachers import TeacherReference
from finkd.stages import stages

Schema = dict[str, Any]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def experiment_schema() -> Schema:
    """Return the schema of an experiment on a labelled corpus, ``search`` and what files may have beside it included.

    Example:
        >>> sorted(experiment_schema()["properties"]["seeds"])
        ['default', 'description', 'items', 'title', 'type']
    """
    whole: Schema = {"$schema": _DIALECT, **_schema(Experiment)}
    named = {name: stages.get(name) for name in stages}
    kinds: list[type] = [Experiment, *named.values()]
    within = {each for kind in kinds for each in _dataclasses(kind)}
    definitions = {each.__name__: _partial(_schema(each)) for each in within}
    definitions |= {f"stage:{name}": _partial(_schema(kind)) for name, kind in named.items()}
    system, properties = _partial(_schema(System)), whole["properties"]
    reference = {"$ref": f"#/$defs/{TeacherReference.__name__}"}
    system["properties"]["teacher"]["anyOf"] = [
        {"type": "string"},
        reference,
        {"type": "array", "items": {"anyOf": [{"type": "string"}, reference]}},
    ]
    system["properties"]["after"] = {"type": "string", "description": "a system above it, where this one goes on"}
    definitions[System.__name__] = system
    properties["stages"] |= {
        "patternProperties": {f"^{name}(:.*)?$": {"$ref": f"#/$defs/stage:{name}"} for name in named},
        "additionalProperties": False,
    }
    properties["search"] = {"type": "object", "description": "what 'finkd tune' varies"}
    whole["$defs"] = dict(sorted(definitions.items()))
    return whole


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
