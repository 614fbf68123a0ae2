"""Teachers in a configuration: systems, ensembles of them, and finished taggers of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import NonNegativeInt, PositiveFloat

from finkd.corpora.errors import ConfigError
from finkd.teachers.label_map import TeacherScheme

_SHOWN = 40


@dataclass(frozen=True)
class TeacherReference:
    """A tagger that students learn from, alone or as a member of an ensemble.

    Attributes:
        system: a system of role ``teacher`` that has a strategy; or
        model: a finished tagger: a folder or hub id of transformers, a spaCy pipeline, a GLiNER model or a file of
            predictions (``finkd list teacher-kinds``).
        seed: of the system; by default the run's. With several seeds one strategy gives several members.
        weight: in the mean of all members.
        labels: type of the model -> type of the corpus or ``O``; ``*`` stands for all types that are not named.
        scheme: how the model's labels are read, if they do not tell it.
    """

    system: str | None = None
    model: str | None = None
    seed: NonNegativeInt | None = None
    weight: PositiveFloat = 1.0
    labels: Mapping[str, str] = field(default_factory=dict)
    scheme: TeacherScheme | None = None

    @property
    def name(self) -> str:
        """Short name of it."""
        if self.system is not None:
            return self.system if self.seed is None else f"{self.system} (seed {self.seed})"
        return Path(self.model or "").name[:_SHOWN] or str(self.model)


def with_named_teachers(systems: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain settings of systems in which every teacher is a system of its own.

    A student's ``teacher`` may be a system's name, a finished tagger, or a list of both, which is an ensemble; what is
    no system becomes one of role ``teacher``, so that it has a row in the reports.

    Raises:
        ConfigError: if two different teachers would have the same name.
    """
    found: dict[str, Any] = {}
    for name, system in systems.items():
        teacher = system.get("teacher") if isinstance(system, dict) else None
        if teacher is None or not isinstance(teacher, str | list | dict):
            found[name] = system
        elif system.get("role") == "teacher":
            found[name] = {**system, "teacher": _references(teacher, systems)}
        elif isinstance(teacher, str) and teacher in systems:
            found[name] = system
        else:
            made = {"role": "teacher", "teacher": _references(teacher, systems)}
            own = " + ".join(_name(each) for each in made["teacher"])
            if {**systems, **found}.get(own, made) != made:
                raise ConfigError(
                    f"systems.{name}.teacher: another teacher has the name {own!r}; make it a system of its own "
                    "(systems: {NAME: {role: teacher, teacher: ...}}) and name that here"
                )
            found[own] = made
            found[name] = {**system, "teacher": own}
    return found


def _references(teacher: Any, systems: Mapping[str, Any]) -> list[Any]:
    """Return a teacher as a list of the settings of ``TeacherReference``."""
    members = teacher if isinstance(teacher, list) else [teacher]
    return [{"system" if each in systems else "model": each} if isinstance(each, str) else each for each in members]


def _name(reference: Any) -> str:
    if not isinstance(reference, dict):
        return str(reference)
    return TeacherReference(reference.get("system"), reference.get("model"), reference.get("seed")).name
