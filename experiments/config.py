"""What an experiment compares: one YAML file, read strictly."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

import corpora
from corpora.errors import ConfigError
from corpora.registry import unknown
from experiments.splits import scored_split
from finkd.settings import build
from finkd.stages.stage import Text
from finkd.strategies import merge, nested, parse
from finkd.teachers import DEFAULT


@dataclass(frozen=True)
class System:
    """One of the compared systems.

    Attributes:
        strategy: its stages in the textual form, or the name of a known strategy.
        role: the ``teacher`` is what the students of the experiment learn from; there is at most one.
        title: what tables call it; default its name.
    """

    strategy: str
    role: Literal["teacher", "student"] = "student"
    title: str = ""


@dataclass(frozen=True)
class Experiment:
    """Systems compared on one corpus.

    Attributes:
        name: names the default output folder and the records.
        corpus: a labelled corpus, by name or path.
        split: the split that is scored.
        systems: name -> system, in the order of the report.
        teacher: model that every strategy starts from.
        text: unlabelled text, if a strategy needs any.
        floors: scores that need no model.
        stages: settings by stage (``task-distill``) or by stage and variant (``task-distill:text``).
        seeds: one run of every system for each.
        precision: ``auto``, ``fp32`` or ``bf16``.
        measure: latency and throughput queries per system; 0 leaves them out.
    """

    name: str
    corpus: str
    split: str
    systems: Mapping[str, System]
    teacher: str = DEFAULT
    text: Text | None = None
    floors: tuple[str, ...] = ("dictionary",)
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seeds: tuple[int, ...] = (1,)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    measure: int = 256


def load(path: str | Path, overrides: Sequence[str] = (), seeds: Sequence[int] | None = None) -> Experiment:
    """Read an experiment.

    Args:
        path: a YAML file.
        overrides: ``key.path=value`` settings that replace the file's; values are read as YAML.
        seeds: seeds that replace the file's.

    Raises:
        ConfigError: with every mistake of the file, one per line.
        UnknownNameError: if it names something that no registry holds.
    """
    path = Path(path)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected settings such as 'name: ...' (got {type(raw).__name__})")
    return from_settings(raw, overrides, seeds)


def from_settings(
    raw: Mapping[str, Any], overrides: Sequence[str] = (), seeds: Sequence[int] | None = None
) -> Experiment:
    """An experiment from plain settings; see ``load``."""
    settings = dict(raw)
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key:
            raise ConfigError(
                f"--set: expected key=value (got {override!r}), such as stages.finetune.schedule.epochs=3"
            )
        try:
            settings = merge(settings, nested(key, yaml.safe_load(value)))
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {key}: {value!r} is not a YAML value") from error
    if seeds is not None:
        settings["seeds"] = list(seeds)
    experiment = build(Experiment, settings, "")
    check(experiment)
    return experiment


def one_strategy(strategy: str, corpus: str) -> dict[str, Any]:
    """Settings of an experiment that compares one strategy with the fine-tuned teacher."""
    sample = {"text": {"corpus": "sample-text", "sentences": 2000}} if corpus == "sample" else {}
    return {
        "name": slug(f"{strategy} on {Path(corpus).name}"),
        "corpus": corpus,
        "split": scored_split(corpora.load(corpus)),
        "systems": {"teacher": {"role": "teacher", "strategy": "finetune"}, "student": {"strategy": strategy}},
        **sample,
    }


def check(experiment: Experiment) -> None:
    """Find the mistakes that types alone don't show, before any work is done.

    Raises:
        ConfigError: with all of them.
    """
    from finkd.floors import floors

    problems = []
    teachers = [name for name, system in experiment.systems.items() if system.role == "teacher"]
    if len(teachers) > 1:
        problems.append(f"systems: only one may have the role 'teacher' (got {', '.join(teachers)})")
    if len(set(experiment.seeds)) != len(experiment.seeds) or not experiment.seeds:
        problems.append(f"seeds: expected different numbers, at least one (got {list(experiment.seeds)})")
    problems += [unknown("floors", floor, floors) for floor in experiment.floors if floor not in floors]
    for name, system in experiment.systems.items():
        try:
            parse(system.strategy, experiment.stages)
        except (ConfigError, LookupError) as error:
            problems += [f"systems.{name}.strategy: {line}" for line in str(error).splitlines()]
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


def slug(name: str) -> str:
    """A name as part of a file name: its letters and digits, with hyphens between."""
    return "-".join(re.findall(r"[^\W_]+", name.lower()))[:60]


def resolved(experiment: Experiment) -> dict[str, Any]:
    """The experiment as plain JSON values, every default filled in."""
    return dataclasses.asdict(experiment)
