"""Read the settings of an experiment, which nothing has checked yet: from a file, options or one strategy."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finkd import corpora
from finkd.corpora.errors import ConfigError
from finkd.corpora.readers.offsets import Offsets
from finkd.corpora.tags import Scheme
from finkd.experiments.configuration.layout import slug
from finkd.experiments.configuration.shipped import configuration_file, suggestion
from finkd.experiments.configuration.splits import scored_split, with_train
from finkd.settings import shown
from finkd.strategies.parsing import merge, nested
from finkd.strict_yaml import MAX_CHARACTERS, read_yaml

MAX_BYTES = 4 * MAX_CHARACTERS
_SHOWN = 60
TINY = 100
"""Sentences of each split and text that a rehearsal reads."""


def settings_in(path: str | Path) -> dict[str, Any]:
    """Plain settings from a YAML file, or from a configuration that comes with finkd.

    Raises:
        ConfigError: if it cannot be read, or holds no settings.
    """
    path = configuration_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error}){suggestion(path)}") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: is longer than {MAX_BYTES:,} bytes; expected a configuration")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found, line = content[error.start], content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not valid YAML (byte 0x{found:02x} is not UTF-8)") from error
    raw = read_yaml(text, str(path))
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected settings such as 'name: ...' (got {type(raw).__name__})")
    return raw


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
                f"--set: expected key=value (got {shown(override)}), such as stages.finetune.schedule.epochs=3"
            )
        where = f"--set {key[:_SHOWN]}"
        settings = merge(settings, nested(key, read_yaml(value, where), where))
    return settings


def continued(systems: Mapping[str, Any]) -> dict[str, Any]:
    """Each system's whole strategy: with ``after: other``, it goes on where that of another system above it ends.

    Raises:
        ConfigError: if there is no such system above it, or one of both has no strategy.
    """
    found: dict[str, Any] = {}
    for name, system in systems.items():
        if isinstance(system, dict) and "after" in system:
            rest = dict(system)
            other = rest.pop("after")
            before = found.get(other) if isinstance(other, str) else None
            match before, rest:
                case {"strategy": str(start)}, {"strategy": str(end)} if "start" not in rest:
                    begun = {"start": found[other]["start"]} if "start" in found[other] else {}
                    system = {**rest, **begun, "strategy": f"{start} > {end}"}
                case _:
                    raise ConfigError(
                        f"systems.{name}.after: expected a system above it that has a strategy, and one that goes on "
                        f"(got {other!r})"
                    )
        found[name] = system
    return found


def rehearsed(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a rehearsal: the same systems on a few sentences, with a name of its own."""
    settings = {**raw, "name": f"{raw.get('name', '')}-tiny", "tiny": True, "measure": 0}
    for key in ("text", "general"):
        if isinstance(settings.get(key), dict):
            settings[key] = {**settings[key], "sentences": TINY}
    return settings


_TEXT = {"learning_rate": 5e-4, "batch_tokens": 512, "dropout": 0}
_GOLD = {"learning_rate": 3e-4, "embedding_learning_rate": 0, "batch_tokens": 256}
_SAMPLE_STAGES: dict[str, dict[str, Any]] = {
    "adapt": {"schedule": {**_TEXT, "learning_rate": 1e-4, "epochs": 1}},
    "distill": {"schedule": {**_TEXT, "epochs": 1}},
    "finetune": {"schedule": {**_GOLD, "epochs": 4}},
    "task-distill:text": {"schedule": {**_TEXT, "epochs": 2}},
    "task-distill:gold": {"schedule": {**_GOLD, "epochs": 4}},
}
"""Schedules for the sample, where those of real corpora take too few steps: it has 700 labelled sentences."""


def one_strategy(
    strategy: str, corpus: str, scheme: Scheme = "IOB2", offsets: Offsets = "characters"
) -> dict[str, Any]:
    """Settings of an experiment that compares one strategy with the fine-tuned teacher."""
    settings: dict[str, Any] = {
        "name": slug(f"{strategy} on {Path(corpus).name}"),
        "corpus": corpus,
        "scheme": scheme,
        "offsets": offsets,
        "split": scored_split(with_train(corpora.load(corpus, scheme, offsets))),
        "systems": {"teacher": {"role": "teacher", "strategy": "finetune"}, "student": {"strategy": strategy}},
    }
    if corpus == "sample":
        # Its own grammar stands in for general text too, so that every known strategy runs on it.
        settings["text"] = {"corpus": "sample-text", "sentences": 3500}
        settings["general"] = {"corpus": "sample-text", "sentences": 2000, "seed": 1}
        settings["stages"] = copy.deepcopy(_SAMPLE_STAGES)
    return settings
