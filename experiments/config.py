"""What an experiment compares: one YAML file, read strictly."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

import corpora
from corpora.errors import ConfigError, UnknownNameError
from corpora.registry import unknown
from corpora.tags import Scheme
from experiments.budget import Budget
from experiments.splits import scored_split
from finkd.floors import floors
from finkd.raw_text import Text
from finkd.settings import build, read_yaml
from finkd.stages import stages
from finkd.stages.distill import Distill
from finkd.stages.task_distill import TaskDistill
from finkd.strategies import merge, nested, parse, strategies
from finkd.teachers import DEFAULT

SLUG = 60
_STAGE = re.compile(r"[a-z-]+(:[a-z-]+)?")
MAX_SEED = 2**32 - 1
MAX_QUERIES = 1_000_000


@dataclass(frozen=True)
class System:
    """One of the compared systems.

    Attributes:
        strategy: its stages in the textual form, or the name of a known strategy.
        role: the ``teacher`` is what the students of the experiment learn from; there is at most one.
    """

    strategy: str
    role: Literal["teacher", "student"] = "student"


@dataclass(frozen=True)
class Experiment:
    """Systems compared on one corpus.

    Attributes:
        name: names the default output folder and the records.
        corpus: a labelled corpus, by name or path.
        split: the split that is scored.
        confirm: other splits scored beside it, on which nothing was chosen.
        scheme: how a user's own corpus is tagged; the corpora with a name know theirs.
        systems: name -> system, in the order of the report.
        teacher: model that every strategy starts from.
        text: unlabelled text of the domain, if a strategy needs any.
        general: unlabelled text of any kind, for ``distill:general`` and ``adapt:general``.
        floors: scores that need no model.
        stages: settings by stage (``task-distill``) or by stage and variant (``task-distill:text``).
        seeds: one run of every system for each.
        budget: what the training stages of each student take together; without one, what their schedules say.
        precision: ``auto``, ``fp32`` or ``bf16``.
        measure: latency and throughput queries per system; 0 leaves them out.
    """

    name: str
    corpus: str
    split: str
    systems: Mapping[str, System]
    teacher: str = DEFAULT
    text: Text | None = None
    general: Text | None = None
    confirm: tuple[str, ...] = ()
    scheme: Scheme = "IOB2"
    floors: tuple[str, ...] = ("dictionary",)
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seeds: tuple[int, ...] = (1,)
    budget: Budget | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    measure: int = 256


def load(
    path: str | Path,
    overrides: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
    only: Sequence[str] = (),
) -> Experiment:
    """Read an experiment.

    Args:
        path: a YAML file.
        overrides: ``key.path=value`` settings that replace the file's; values are read as YAML.
        seeds: seeds that replace the file's.
        only: names of the systems to compare, beside the teacher; none stand for all.

    Raises:
        ConfigError: with every mistake of the file, one per line.
        UnknownNameError: if it names something that no registry holds.
    """
    return from_settings(settings_in(path), overrides, seeds, only)


def settings_in(path: str | Path) -> dict[str, Any]:
    """Plain settings from a YAML file.

    Raises:
        ConfigError: if it cannot be read, or holds no settings.
    """
    path = Path(path)
    try:
        raw = read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from error
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{line}: not valid YAML ({error.problem})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected settings such as 'name: ...' (got {type(raw).__name__})")
    return raw


def from_settings(
    raw: Mapping[str, Any],
    overrides: Sequence[str] = (),
    seeds: Sequence[int] | None = None,
    only: Sequence[str] = (),
) -> Experiment:
    """An experiment from plain settings; see ``load``."""
    settings = overridden(raw, overrides)
    settings.pop("search", None)  # what ``finkd tune`` varies; a run takes the settings as they stand
    if seeds is not None:
        settings["seeds"] = list(seeds)
    experiment = build(Experiment, settings, "")
    check(experiment)
    return _only(experiment, only) if only else experiment


def overridden(raw: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Plain settings, some of them replaced by ``key.path=value``; values are read as YAML.

    Raises:
        ConfigError: if an override is not of this form.
    """
    settings = dict(raw)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key:
            raise ConfigError(
                f"--set: expected key=value (got {override!r}), such as stages.finetune.schedule.epochs=3"
            )
        try:
            settings = merge(settings, nested(key, read_yaml(value)))
        except yaml.YAMLError as error:
            problem = getattr(error, "problem", None) or "not valid YAML"
            raise ConfigError(f"--set {key}: {problem} (got {value!r})") from error
    return settings


def _only(experiment: Experiment, names: Sequence[str]) -> Experiment:
    """The experiment with some of its systems, and with its teacher."""
    for name in names:
        if name not in experiment.systems:
            raise ConfigError(f"--only: {unknown('systems', name, list(experiment.systems))}")
    kept = {name: each for name, each in experiment.systems.items() if name in names or each.role == "teacher"}
    return dataclasses.replace(experiment, systems=kept)


def one_strategy(strategy: str, corpus: str, scheme: Scheme = "IOB2") -> dict[str, Any]:
    """Settings of an experiment that compares one strategy with the fine-tuned teacher."""
    settings: dict[str, Any] = {
        "name": slug(f"{strategy} on {Path(corpus).name}"),
        "corpus": corpus,
        "scheme": scheme,
        "split": scored_split(corpora.load(corpus, scheme)),
        "systems": {"teacher": {"role": "teacher", "strategy": "finetune"}, "student": {"strategy": strategy}},
    }
    if corpus == "sample":
        # Its own grammar stands in for general text too, so that every known strategy runs on it.
        settings["text"] = {"corpus": "sample-text", "sentences": 2000}
        settings["general"] = {"corpus": "sample-text", "sentences": 2000, "seed": 1}
    return settings


def check(experiment: Experiment) -> None:
    """Find the mistakes that types alone don't show, before any work is done.

    Raises:
        ConfigError: with all of them.
    """
    problems = [*_names(experiment), *_numbers(experiment)]
    for stage in experiment.stages:
        if not _STAGE.fullmatch(stage):
            problems.append(f"stages.{stage}: expected a stage, such as 'finetune' or 'distill:text'")
        elif stage in strategies and stage not in stages:
            parts = ", ".join(dict.fromkeys(step.name for step in parse(stage, {})))
            problems.append(f"stages.{stage}: is the name of a strategy; set its stages instead ({parts})")
        else:
            problems += _strategy(stage, experiment)
    known = set(problems)
    for name, system in experiment.systems.items():
        found = _strategy(system.strategy, experiment)
        problems += [f"systems.{name}.strategy: {problem}" for problem in found if problem not in known]
    if problems:
        raise ConfigError("\n".join(problems))


def _names(experiment: Experiment) -> Iterator[str]:
    """Names that are unknown, or that cannot tell files apart."""
    if not slug(experiment.name):
        yield f"name: expected a letter or digit (got {experiment.name!r})"
    teachers = [name for name, system in experiment.systems.items() if system.role == "teacher"]
    for split in {"train", experiment.split}.intersection(experiment.confirm):
        yield f"confirm: expected splits on which nothing is learned or chosen (got {split!r})"
    if len(teachers) > 1:
        yield f"systems: only one may have the role 'teacher' (got {', '.join(teachers)})"
    if not experiment.systems:
        yield "systems: expected at least one, such as 'teacher: {role: teacher, strategy: finetune}'"
    for floor in experiment.floors:
        if floor not in floors:
            yield unknown("floors", floor, floors)
    taken: dict[str, str] = {}
    for name in (*experiment.floors, *experiment.systems):
        if not slug(name):
            yield f"systems.{name}: expected a letter or digit in the name"
        elif slug(name) in taken:
            yield f"systems.{name}: its files would have the names of those of {taken[slug(name)]!r}; rename one"
        taken[slug(name)] = name


def _numbers(experiment: Experiment) -> Iterator[str]:
    if len(set(experiment.seeds)) != len(experiment.seeds) or not experiment.seeds:
        yield f"seeds: expected different numbers, at least one (got {list(experiment.seeds)})"
    if max(experiment.seeds, default=0) > MAX_SEED:
        yield f"seeds: expected numbers up to {MAX_SEED} (got {max(experiment.seeds)})"
    if min(experiment.seeds, default=0) < 0:
        yield f"seeds: expected numbers from 0 (got {list(experiment.seeds)})"
    if not 0 <= experiment.measure <= MAX_QUERIES:
        yield f"measure: expected 0 to {MAX_QUERIES:,} queries (got {experiment.measure})"
    for key, text in (("text", experiment.text), ("general", experiment.general)):
        if text is not None and text.sentences < 1:
            yield f"{key}.sentences: expected 1 or more (got {text.sentences})"


def _strategy(text: str, experiment: Experiment) -> list[str]:
    """The mistakes in a strategy, in the settings of its stages and in their loss terms."""
    try:
        steps = parse(text, experiment.stages)
    except (ConfigError, UnknownNameError) as error:
        return str(error).splitlines()
    problems = []
    for step in steps:
        try:
            if isinstance(step.stage, Distill | TaskDistill):
                step.stage.terms()
        except (ConfigError, UnknownNameError) as error:
            problems += [f"stages.{step.name}.{line}" for line in str(error).splitlines()]
    return problems


def slug(name: str) -> str:
    """A name as part of a file name: its letters and digits, with hyphens between."""
    words = "-".join(re.findall(r"[^\W_]+", name.lower()))
    if len(words) <= SLUG:
        return words
    return f"{words[: SLUG - 9]}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"  # two long names stay two


def resolved(experiment: Experiment) -> dict[str, Any]:
    """The experiment as plain JSON values, every default filled in."""
    return dataclasses.asdict(experiment)
