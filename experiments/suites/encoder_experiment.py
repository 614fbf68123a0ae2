"""Configurations that compare encoders: a teacher and its students, on general tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError, UnknownNameError, located
from finkd.corpora.loading import check_exists
from finkd.corpora.registry import unknown
from finkd.data.raw_text import Text
from finkd.experiments.configuration.checks import (
    check_counts,
    name_problems,
    seed_problems,
    stage_problems,
    strategy_problems,
    text_problems,
)
from finkd.experiments.configuration.layout import slug
from finkd.experiments.configuration.reading import overridden, settings_in
from finkd.experiments.suites.inference import PassSettings
from finkd.experiments.suites.texts import GLUE
from finkd.models.pretrained import DEFAULT, resolve
from finkd.settings import build, joined
from finkd.stages.stage import TAGGER
from finkd.strategies.parsing import merge, parse
from finkd.suites.answers import AnswerSettings
from finkd.suites.classifier import TextSettings

TASKS: Mapping[str, tuple[str, ...]] = {
    "glue": GLUE,
    "imdb": ("imdb",),
    "sst2": ("sst-2",),
    "squad": ("squad",),
    "inference": ("sts-b",),
}
"""Suites that encoders can be tried on, and their tasks."""
TEXT_SUITES = ("glue", "imdb", "sst2")
"""Those whose tasks are on whole texts."""
TASK_SETTINGS = (TextSettings, AnswerSettings)
"""Classes whose settings a student may have of its own."""
TIMED = ("inference",)
"""Those that measure time, for which nothing else may run."""


@dataclass(frozen=True)
class Encoder:
    """A student.

    Attributes:
        strategy: the stages that make it, in the textual form; they read raw text alone.
        start: name or folder of the model that they begin with; by default the teacher.
        task_distillation: whether it learns each task on whole texts from the fine-tuned teacher too, beside gold.
            Answers to questions it learns from gold alone, since its tokens need not be the teacher's.
        from_fine_tuned: whether its strategy begins, for each task on whole texts, with the fine-tuned teacher, head
            and all, rather than with the teacher as it came; it needs ``task_distillation``.
        settings: of tasks, over those of the suites that have them, such as
            ``{distill: {similar_words: {copies: 20}}}``.
    """

    strategy: str
    start: str | None = None
    task_distillation: bool = False
    from_fine_tuned: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tasks:
    """What is run of a suite.

    Attributes:
        tasks: which of its tasks; none stand for all.
        settings: those that replace the suite's own, such as ``{schedule: {epochs: 2}}``; those of ``distill`` are
            for students that learn from it (``task_distillation``).
    """

    tasks: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EncoderExperiment:
    """A teacher and its students.

    Attributes:
        name: names the default output folder.
        systems: name -> student, in the order of the report.
        suites: name of a suite (``finkd list suites``) -> what is run of it, on the teacher and on every student.
        teacher: what students learn from (``distill``), and begin with unless they name another ``start``.
        text: unlabelled text, if a strategy needs any.
        general: other text for ``distill:general`` and ``adapt:general``; by default they read ``text`` too.
        stages: settings by stage (``distill``) or by stage and variant (``distill:general``).
        seeds: one run of every student and task for each.

    Example:
        >>> import finkd
        >>> list(finkd.load_encoder_experiment("encoders.yaml").systems)
        ['first layer']
    """

    name: str
    systems: Mapping[str, Encoder]
    suites: Mapping[str, Tasks]
    teacher: str = DEFAULT
    text: Text | None = None
    general: Text | None = None
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seeds: tuple[int, ...] = (1,)

    @property
    def teacher_name(self) -> str:
        """What tables call the teacher."""
        return Path(self.teacher).name

    def teacher_of(self, suite: str, system: str) -> str | None:
        """The model from which a system learns the tasks of a suite, if it does."""
        student = self.systems.get(system)
        return self.teacher if suite in TEXT_SUITES and student is not None and student.task_distillation else None

    def settings_of(self, suite: str, system: str) -> dict[str, Any]:
        """The settings that replace a suite's own for a system: the teacher, or a student."""
        own = self.systems[system].settings if system in self.systems else {}
        known = _NAMES[settings_class(suite)]
        settings = merge(self.suites[suite].settings, {key: value for key, value in own.items() if key in known})
        if self.teacher_of(suite, system) is None:
            settings.pop("distill", None)
        return settings


def load_encoder_experiment(
    path: str | Path, overrides: Sequence[str] = (), seeds: Sequence[int] | None = None, only: Sequence[str] = ()
) -> EncoderExperiment:
    """Read and check an experiment on encoders; nothing is computed.

    Args:
        path: a YAML file.
        overrides: ``key.path=value`` settings that replace the file's; values are read as YAML.
        seeds: seeds that replace the file's.
        only: names of the students to try, beside the teacher; none stand for all.

    Raises:
        ConfigError: with every mistake of the file, one per line.
        UnavailableError: if its text or its teacher is nowhere.
        UnknownNameError: if it names something that no registry holds.

    Example:
        >>> import finkd
        >>> finkd.load_encoder_experiment("encoders.yaml").suites["glue"].tasks
        ('wnli',)
    """
    settings = overridden(settings_in(path), overrides)
    if seeds is not None:
        settings["seeds"] = list(seeds)
    experiment = build(EncoderExperiment, settings, "")
    check_counts(len(experiment.systems), len(experiment.seeds))
    if problems := list(_problems(experiment)):
        raise ConfigError(joined(problems))
    for name in only:
        if name not in experiment.systems:
            raise UnknownNameError(f"--only: {unknown('systems', name, list(experiment.systems))}")
    for text in (experiment.text, experiment.general):
        if text is not None:
            check_exists(text.corpus)
    for model in (experiment.teacher, *(each.start for each in experiment.systems.values() if each.start)):
        resolve(model)
    kept = {name: each for name, each in experiment.systems.items() if name in only or not only}
    return replace(experiment, systems=kept)


def _problems(experiment: EncoderExperiment) -> Iterator[str]:
    """The mistakes that types alone don't show."""
    if not slug(experiment.name):
        yield f"name: expected a letter or digit (got {experiment.name!r})"
    yield from seed_problems(experiment.seeds)
    yield from name_problems((experiment.teacher_name, *experiment.systems))
    yield from text_problems(experiment.text, experiment.general)
    yield from (problems := list(stage_problems(experiment.stages)))
    if not experiment.suites:
        yield "suites: expected at least one, such as 'glue: {tasks: [cola, mrpc]}'"
    for name, chosen in experiment.suites.items():
        yield from _suite(name, chosen, experiment)
    for name, system in experiment.systems.items():
        yield from dict.fromkeys(_own_settings(name, experiment))  # suites of one kind have the same mistakes
        if system.from_fine_tuned and (system.start is not None or not system.task_distillation):
            yield f"systems.{name}.from_fine_tuned: needs task_distillation: true, and no start"
        found = strategy_problems(system.strategy, experiment.stages) or _unreadable(system, experiment)
        yield from (f"systems.{name}.strategy: {problem}" for problem in found if problem not in problems)


def _suite(name: str, chosen: Tasks, experiment: EncoderExperiment) -> Iterator[str]:
    """A suite that is none, or what of it cannot be run."""
    if name not in TASKS:
        yield unknown("suites of encoders", name, TASKS)
        return
    for task in chosen.tasks:
        if task not in TASKS[name]:
            yield f"suites.{name}.tasks: {unknown('tasks', task, TASKS[name])}"
    yield from _settings(name, chosen.settings, f"suites.{name}.settings")
    if "distill" in chosen.settings and not any(system.task_distillation for system in experiment.systems.values()):
        yield f"suites.{name}.settings.distill: set task_distillation: true of a student that it is for"


def _own_settings(name: str, experiment: EncoderExperiment) -> Iterator[str]:
    """What is wrong with the settings that a student has of its own, beside those of the suites that are run."""
    system = experiment.systems[name]
    where, known = f"systems.{name}.settings", {key for kind in TASK_SETTINGS for key in _NAMES[kind]}
    for key in sorted(system.settings.keys() - known):
        yield f"{where}: {unknown('settings of tasks', key, sorted(known))}"
    for suite in experiment.suites if system.settings else ():
        if suite in TASKS and not list(_settings(suite, experiment.suites[suite].settings, where)):
            yield from _settings(suite, experiment.settings_of(suite, name), where)
    if "distill" in system.settings and not system.task_distillation:
        yield f"{where}.distill: needs task_distillation: true"


def settings_class(suite: str) -> type[TextSettings] | type[AnswerSettings] | type[PassSettings]:
    """Return the class of a suite's settings."""
    return TextSettings if suite in TEXT_SUITES else AnswerSettings if suite == "squad" else PassSettings


_NAMES = {kind: frozenset(each.name for each in fields(kind)) for kind in (TextSettings, AnswerSettings, PassSettings)}


def _settings(suite: str, settings: Mapping[str, Any], where: str) -> Iterator[str]:
    """What is wrong with settings of a suite."""
    settings = {key: value for key, value in settings.items() if (suite, key) != ("squad", "data")}
    try:
        with located(where):
            found = build(settings_class(suite), settings, "")
            if isinstance(found, TextSettings):
                found.distill.terms()
    except ConfigError as error:
        yield from str(error).splitlines()


def _unreadable(system: Encoder, experiment: EncoderExperiment) -> Iterator[str]:
    """Stages that read what is not there: labelled text, or a teacher made of another model."""
    for step in parse(system.strategy, experiment.stages):
        if step.stage.sources == {"gold"}:
            yield f"{step.name}: reads labelled text; students of this experiment learn from raw text alone"
        if system.start and (others := [name for name in step.stage.teachers() if name != TAGGER]):
            yield f"{step.name}.teacher: {others[0]!r} would be made of 'start'; leave it out to learn from the teacher"
