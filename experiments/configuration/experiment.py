"""The configuration of an experiment: its settings, checked strictly."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from finkd.corpora.errors import ConfigError
from finkd.corpora.readers.offsets import Offsets
from finkd.corpora.registry import unknown
from finkd.corpora.tags import Scheme
from finkd.data.raw_text import Text
from finkd.experiments.configuration.budget import Budget
from finkd.experiments.configuration.checks import check, find_inputs
from finkd.experiments.configuration.reading import continued, overridden, settings_in
from finkd.experiments.configuration.teachers import TeacherReference, with_named_teachers
from finkd.models.pretrained import DEFAULT
from finkd.settings import build, deciding, later
from finkd.strategies.parsing import parse


@dataclass(frozen=True)
class System:
    """One of the compared systems.

    Attributes:
        strategy: its stages in the textual form, or the name of a known strategy. In a file, ``after: other`` beside it
            has it go on where the strategy of a system above it ends. A teacher without one is the finished tagger, or
            the ensemble, that its ``teacher`` lists.
        role: the systems of role ``teacher`` are what others learn from.
        start: name or folder of the model that its strategy begins with; by default the experiment's ``teacher``.
        teacher: the system of role ``teacher`` that it learns from; where there is only one, that one. In a file also a
            finished tagger, or a list of systems and taggers, which becomes a teacher of its own.
        folds: for a teacher: train one tagger without each part of the training documents. Together they are an
            ensemble, in which each labels the sentences that it has not seen (cross-labelling).
    """

    strategy: str = ""
    role: Literal["teacher", "student"] = "student"
    start: str | None = None
    teacher: str | tuple[TeacherReference, ...] | None = None
    folds: Annotated[int, Field(ge=2, le=50)] | None = None

    @property
    def members(self) -> tuple[TeacherReference, ...]:
        """The taggers that a teacher without a strategy consists of."""
        return self.teacher if isinstance(self.teacher, tuple) else ()


@dataclass(frozen=True)
class Experiment:
    """Systems compared on one corpus.

    Attributes:
        name: names the default output folder and the records.
        corpus: a labelled corpus, by name or path.
        split: the split that is scored.
        cross_validation: number of parts of the training documents, which are scored instead: seed n learns from all
            but the n-th part, and is scored on that one. More text is scored so, and smaller differences are seen. A
            ``start`` and a finished tagger must not have learned from these documents; nothing here can tell.
        extra_splits: other splits scored beside it, on which nothing was chosen.
        scheme: how a user's own corpus is tagged; the corpora with a name know theirs.
        offsets: what the offsets of a user's labelled spans count.
        systems: name -> system, in the order of the report.
        teacher: model that strategies begin with, unless their system names another ``start``.
        text: unlabelled text of the domain, if a strategy needs any.
        general: unlabelled text of any kind, for ``distill:general`` and ``adapt:general``.
        baselines: scores that need no model.
        stages: settings by stage (``task-distill``) or by stage and variant (``task-distill:text``).
        reference: the student that the others are compared with; without one, the best.
        seeds: one run of every system for each.
        budget: what the training stages of each student take together; without one, what their schedules say.
        precision: ``auto``, ``fp32`` or ``bf16``.
        measure: latency and throughput queries per system; 0 leaves them out.
        tiny: rehearse: read the first sentences of every split and text once, without dropout.

    Example:
        >>> import finkd
        >>> finkd.load_experiment("small.yaml").seeds
        (1,)
    """

    name: str
    corpus: str
    split: str
    systems: Mapping[str, System]
    teacher: str = DEFAULT
    text: Text | None = None
    general: Text | None = None
    cross_validation: Annotated[int, Field(ge=2, le=50)] | None = later(None)
    extra_splits: tuple[str, ...] = ()
    scheme: Scheme = "IOB2"
    offsets: Offsets = "characters"
    baselines: tuple[str, ...] = ("dictionary",)
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reference: str | None = later(None)
    seeds: tuple[int, ...] = (1,)
    budget: Budget | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    measure: int = 256
    tiny: bool = later(False)

    def start_of(self, name: str) -> str:
        """Return the name or folder of the model that the strategy of a system begins with."""
        return self.systems[name].start or self.teacher

    def teacher_of(self, name: str) -> str | None:
        """Return the system that a system learns from; ``None`` if there is none."""
        system = self.systems[name]
        if system.role == "teacher":
            return None
        return system.teacher if isinstance(system.teacher, str) else next(iter(self.teachers), None)

    def needed_by(self, name: str) -> tuple[str, ...]:
        """Return the systems that a system learns from or consists of, each after those that it needs itself."""
        system, found = self.systems[name], dict[str, None]()
        members = [each.system for each in system.members]
        for other in (*members, self.teacher_of(name), *self.named_by(name)):
            if other is not None:
                found |= dict.fromkeys((*self.needed_by(other), other))
        return tuple(found)

    def named_by(self, name: str) -> tuple[str, ...]:
        """Return the teachers that stages of a system name."""
        strategy = self.systems[name].strategy
        steps = parse(strategy, self.stages) if strategy else ()
        named = (getattr(step.stage, "teacher", "") for step in steps if step.name.startswith("task-distill"))
        return tuple(each for each in named if each)

    @property
    def teachers(self) -> tuple[str, ...]:
        """The systems of role ``teacher``."""
        return tuple(name for name, system in self.systems.items() if system.role == "teacher")


def load_experiment(
    path: str | Path,
    overrides: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
    only: Sequence[str] = (),
    *,
    find: bool = False,
) -> Experiment:
    """Read an experiment.

    Args:
        path: a YAML file, or the name of a configuration that comes with finkd.
        overrides: ``key.path=value`` settings that replace the file's; values are read as YAML.
        seeds: seeds that replace the file's.
        only: names of the systems to compare, beside the teacher; none stand for all.
        find: whether to find its corpora and the models that its systems begin with.

    Raises:
        ConfigError: with every mistake of the file, one per line.
        UnavailableError: if they are to be found, and one is nowhere.
        UnknownNameError: if it names something that no registry holds.

    Example:
        >>> import finkd
        >>> finkd.load_experiment("small.yaml", ["seeds=[1, 2, 3]"]).seeds
        (1, 2, 3)
    """
    return from_settings(settings_in(path), overrides, seeds, only, find=find)


def from_settings(
    raw: Mapping[str, Any],
    overrides: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
    only: Sequence[str] = (),
    *,
    find: bool = False,
) -> Experiment:
    """An experiment from plain settings; see ``load_experiment``."""
    settings = overridden(raw, overrides)
    settings.pop("search", None)  # what ``finkd tune`` varies; a run takes the settings as they stand
    if seeds is not None:
        settings["seeds"] = list(seeds)
    experiment = unchecked(settings)
    if find:
        find_inputs(experiment, only)  # before its strategies are checked, which imports torch
    check(experiment)
    return _only(experiment, only) if only else experiment


def unchecked(settings: Mapping[str, Any]) -> Experiment:
    """An experiment from settings that are not checked, such as those of a record, which were when it was made.

    With ``--only`` a record lacks systems that its settings may name, such as the reference.
    """
    settings = dict(settings)
    if isinstance(settings.get("systems"), dict):
        settings["systems"] = with_named_teachers(continued(settings["systems"]))
    return build(Experiment, settings, "")


def _only(experiment: Experiment, names: Sequence[str]) -> Experiment:
    """The experiment with some of its systems, and with its teacher."""
    for name in names:
        if name not in experiment.systems:
            raise ConfigError(f"--only: {unknown('systems', name, list(experiment.systems))}")
    wanted = {*names, *(other for name in names for other in experiment.needed_by(name))}
    kept = {name: each for name, each in experiment.systems.items() if name in wanted}
    return dataclasses.replace(experiment, systems=kept)


def resolved(experiment: Experiment) -> dict[str, Any]:
    """The experiment as plain JSON values, every default filled in, but for what a system leaves to the experiment."""
    settings = deciding(experiment)
    for name, system in settings["systems"].items():
        given = {key: value for key, value in system.items() if value not in (None, "")}
        if isinstance(system["teacher"], list | tuple):
            given["teacher"] = [
                {key: value for key, value in each.items() if value not in (None, {})} for each in system["teacher"]
            ]
        settings["systems"][name] = given
    return settings
