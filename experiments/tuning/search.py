"""The search space of a study, and the settings that it starts from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, NonNegativeInt

from finkd import corpora
from finkd.corpora.corpus import NerCorpus
from finkd.corpora.errors import ConfigError
from finkd.experiments.configuration.experiment import Experiment, from_settings, resolved
from finkd.experiments.configuration.reading import overridden, settings_in
from finkd.experiments.configuration.shipped import configuration_file
from finkd.settings import build
from finkd.strategies.parsing import merge, nested, written_out

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Number = int | float
Goal = Literal["f1", "latency", "size"]


@dataclass(frozen=True)
class Between:
    """A number of a range.

    Attributes:
        low: the least. If ``low``, ``high`` and ``step`` are all whole (1, not 1.0), whole numbers alone are drawn.
        high: the greatest.
        log: whether to draw its logarithm evenly, as for learning rates.
        step: distance between two values, from ``low`` on.
    """

    low: Number
    high: Number
    log: bool = False
    step: Number | None = None

    def __post_init__(self) -> None:
        """Check that the range is not empty.

        Raises:
            ValueError: if it is.
        """
        if not self.low < self.high:
            raise ValueError(f"expected low < high (got {self.low} and {self.high})")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log: needs a low above 0 and no step")
        if self.step is not None and self.step <= 0:
            raise ValueError("step: expected a number above 0")

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int) and not isinstance(self.step, float)

    def drawn(self, trial: BaseTrial, key: str) -> Any:
        """Return a value for a trial."""
        if self.is_whole:
            step = 1 if self.step is None else int(self.step)
            return trial.suggest_int(key, int(self.low), int(self.high), log=self.log, step=step)
        return trial.suggest_float(key, self.low, self.high, log=self.log, step=self.step)

    def parameter(self, value: Any) -> Any:
        """Return the parameter of Optuna that stands for a value.

        Raises:
            ValueError: if it is none of the range.
        """
        number = float(value)  # YAML reads 1e-4 as text
        steps = (number - self.low) / (self.step or (1 if self.is_whole else number - self.low or 1))
        if not (self.low <= number <= self.high and math.isclose(steps, round(steps), abs_tol=1e-9)):
            raise ValueError("none of the values")
        return int(number) if self.is_whole else number


@dataclass(frozen=True)
class OneOf:
    """One of some values, whatever they are: names, lists of layers, strategies.

    Attributes:
        choices: the values.
    """

    choices: Annotated[tuple[Any, ...], Field(min_length=1)]

    def drawn(self, trial: BaseTrial, key: str) -> Any:
        """Return a value for a trial."""
        named = {_name(choice): choice for choice in self.choices}
        return named[trial.suggest_categorical(key, list(named))]

    def parameter(self, value: Any) -> Any:
        """Return the parameter of Optuna that stands for a value.

        Raises:
            ValueError: if it is none of the choices.
        """
        if _name(value) not in map(_name, self.choices):
            raise ValueError("none of the values")
        return _name(value)


def _name(choice: Any) -> str:
    """Text stands for itself, anything else goes by its JSON, since Optuna keeps no lists and takes 1 for true."""
    return choice if isinstance(choice, str) else json.dumps(choice)


@dataclass(frozen=True)
class Search:
    """Goals, space and method of a study.

    Attributes:
        space: setting, by its dotted name -> the values it may take; the configuration gives each a first value.
        system: the student that is tuned; may be left out where there is one only.
        goals: ``f1`` (mean micro-F1 over ``seeds``, as high as possible), ``latency`` (median milliseconds a sentence,
            as low as possible), ``size`` (bytes, likewise). With several there is no best trial but a Pareto front.
        sampler: ``tpe`` (Bergstra et al. 2011), ``gp`` (Gaussian process), ``nsga2`` (Deb et al. 2002; for several
            goals) or ``random``.
        prune: whether to stop a trial in the last stage that trains if its F1 is below the median of the earlier ones
            at the same point (``f1`` alone).
        seeds: each trial trains once for every one of them.
        seed: of the sampler.
    """

    space: Annotated[Mapping[str, Between | OneOf], Field(min_length=1)]
    system: str | None = None
    goals: Annotated[tuple[Goal, ...], Field(min_length=1)] = ("f1",)
    sampler: Literal["tpe", "gp", "nsga2", "random"] = "tpe"
    prune: bool = True
    seeds: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)] = (1,)
    seed: NonNegativeInt = 0


@dataclass(frozen=True)
class Plan:
    """A configuration with its search.

    Attributes:
        settings: plain settings of the experiment: the teacher and the tuned system.
        search: what is varied.
        system: name of the tuned system.
    """

    settings: Mapping[str, Any]
    search: Search
    system: str

    @property
    def name(self) -> str:
        """Name of the study."""
        return str(self.settings["name"])

    def defaults(self) -> dict[str, Any]:
        """Return the configuration's own values of what is varied."""
        return {key: _at(self.settings, key) for key in self.search.space}

    def drawn(self, trial: BaseTrial) -> dict[str, Any]:
        """Return a value for everything that is varied."""
        return {key: values.drawn(trial, key) for key, values in self.search.space.items()}

    def with_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings with other values."""
        settings = dict(self.settings)
        for key, value in values.items():
            settings = merge(settings, nested(key, value, f"search.space.{key}"))
        return settings

    def trial(self, values: Mapping[str, Any]) -> Experiment:
        """Return the experiment of one trial: only the split that was asked for is scored.

        Raises:
            ConfigError: if these values do not fit each other.
        """
        measure = self.settings.get("measure", Experiment.measure) if "latency" in self.search.goals else 0
        alone: dict[str, Any] = {"extra_splits": [], "baselines": [], "reference": None, "measure": measure}
        return from_settings({**self.with_values(values), **alone}, seeds=self.search.seeds)


def load_plan(path: str, overrides: Sequence[str] = (), *, find: bool = False) -> Plan:
    """Read a configuration with its search; ``find`` as for ``configuration.experiment.load_experiment``.

    Raises:
        ConfigError: with every mistake, one per line.
        UnknownNameError: if it names something that no registry holds.

    Example:
        >>> import finkd
        >>> list(finkd.load_plan("tune.yaml").search.space)
        ['stages.finetune.schedule.learning_rate']
    """
    settings = overridden(settings_in(path), overrides)
    if not isinstance(settings.get("search"), Mapping):
        raise ConfigError(f"{path}: nothing to tune; add a section 'search' ({configuration_file('tune')} shows one)")
    search = build(Search, settings.pop("search"), "search")
    experiment = from_settings(settings, find=find)
    if experiment.split == "test" or _is_sealed(experiment):
        raise ConfigError(
            f"split: what is chosen on the {experiment.split} split cannot be scored on it; use the validation split"
        )
    system = _system(experiment, search)
    plan = Plan({**settings, "systems": _systems(experiment, system)}, search, system)
    if problems := [*_problems(plan)]:
        raise ConfigError("\n".join(problems))
    plan.trial(plan.defaults())
    return plan


def _is_sealed(experiment: Experiment) -> bool:
    """Whether the scored split is one that its corpus keeps apart."""
    corpus = corpora.corpora.get(experiment.corpus) if experiment.corpus in corpora.corpora else None
    return isinstance(corpus, NerCorpus) and experiment.split in corpus.sealed


def _systems(experiment: Experiment, tuned: str) -> dict[str, Any]:
    """Return the tuned system, and its teacher with all of its settings written out.

    Settings by stage are for all systems, and a teacher that changed with its student's learning rate would have to be
    trained for every trial.
    """
    kept: dict[str, Any] = {}
    plain = resolved(experiment)["systems"]
    for name in experiment.systems:
        if name in experiment.needed_by(tuned):
            kept[name] = plain[name]
            if strategy := experiment.systems[name].strategy:
                kept[name] = {**kept[name], "strategy": written_out(strategy, experiment.stages)}
        elif name == tuned:
            kept[name] = plain[name]
    return kept


def _system(experiment: Experiment, search: Search) -> str:
    """Return the name of the student that is tuned."""
    students = [name for name, system in experiment.systems.items() if system.role == "student"]
    if search.system in students:
        return str(search.system)
    if search.system is not None or len(students) != 1:
        raise ConfigError(f"search.system: expected one of the students ({', '.join(students)}; got {search.system!r})")
    return students[0]


def _problems(plan: Plan) -> list[str]:
    found = []
    allowed = ("stages.", f"systems.{plan.system}.", "text.", "general.", "budget.", "precision")
    for key, values in plan.search.space.items():
        if not key.startswith(allowed):
            found.append(f"search.space.{key}: cannot be varied (settings of {', '.join(allowed)} can)")
            continue
        try:
            value = _at(plan.settings, key)
        except KeyError:
            found.append(f"search.space.{key}: the configuration has no such setting; give it the value to start from")
            continue
        try:
            values.parameter(value)
        except (TypeError, ValueError):
            found.append(f"search.space.{key}: the configuration's own value is not among its values (got {value!r})")
    if "latency" in plan.search.goals and not plan.settings.get("measure", Experiment.measure):
        found.append("measure: the goal 'latency' needs timed queries, such as 256 (got 0)")
    return found


def _at(settings: Mapping[str, Any], dotted: str) -> Any:
    """Return the value of a setting.

    Raises:
        KeyError: if there is none.
    """
    value: Any = settings
    for key in dotted.split("."):
        if not isinstance(value, Mapping):
            raise KeyError(dotted)
        value = value[key]
    return value
