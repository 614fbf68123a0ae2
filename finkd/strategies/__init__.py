"""Strategies: orderings of stages, as data."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from corpora.errors import ConfigError, UnknownNameError
from corpora.registry import Registry, unknown
from finkd.settings import build, read_yaml
from finkd.stages import stages

if TYPE_CHECKING:  # listing the names must not import torch
    from finkd.stages.stage import Stage


@dataclass(frozen=True)
class Strategy:
    """An ordering with the paper it comes from.

    Attributes:
        text: the stages in the textual form.
        source: where the ordering was proposed.
    """

    text: str
    source: str


strategies: Registry[Strategy] = Registry(
    "strategies",
    {
        "finetune": ("finkd.strategies.known:FINETUNE", "the whole encoder on gold labels"),
        "shrink-finetune": ("finkd.strategies.known:SHRINK_FINETUNE", "fewer layers, gold labels only"),
        "gold-distill": ("finkd.strategies.known:GOLD_DISTILL", "fewer layers, teacher's labels on gold text"),
        "text-distill": (
            "finkd.strategies.known:TEXT_DISTILL",
            "fewer layers, teacher-labelled raw text, then gold text",
        ),
        "vocabulary-finetune": ("finkd.strategies.known:VOCABULARY_FINETUNE", "domain vocabulary, gold labels only"),
        "vocabulary-gold-distill": (
            "finkd.strategies.known:VOCABULARY_GOLD_DISTILL",
            "domain vocabulary, teacher's labels on gold text across tokenizers",
        ),
        "vocabulary-text-distill": (
            "finkd.strategies.known:VOCABULARY_TEXT_DISTILL",
            "domain vocabulary, teacher-labelled raw text, then gold text across tokenizers",
        ),
        "adapt-finetune": ("finkd.strategies.known:ADAPT_FINETUNE", "fewer layers, adapted to the domain"),
        "distill-finetune": ("finkd.strategies.known:DISTILL_FINETUNE", "fewer layers, distilled on general text"),
        "adapt-distill": ("finkd.strategies.known:ADAPT_DISTILL", "adapted to the domain, then distilled in it"),
        "distill-adapt": ("finkd.strategies.known:DISTILL_ADAPT", "distilled on general text, then adapted"),
        "distill-adapt-distill": (
            "finkd.strategies.known:DISTILL_ADAPT_DISTILL",
            "distilled on general text, adapted, distilled in the domain from the adapted teacher",
        ),
        "distill-adapt-distill-unadapted": (
            "finkd.strategies.known:DISTILL_ADAPT_DISTILL_UNADAPTED",
            "the same from the teacher as it came",
        ),
        "retokenize-first": (
            "finkd.strategies.known:RETOKENIZE_FIRST",
            "domain vocabulary before distill-adapt-distill",
        ),
        "retokenize-between": (
            "finkd.strategies.known:RETOKENIZE_BETWEEN",
            "domain vocabulary between the general distillation and the adaptation",
        ),
        "retokenize-last": ("finkd.strategies.known:RETOKENIZE_LAST", "domain vocabulary after distill-adapt-distill"),
        "adalm": ("finkd.strategies.known:ADALM", "adapted teacher, grown vocabulary, distilled in the domain"),
        "fast-vocabulary-transfer": (
            "finkd.strategies.known:FAST_VOCABULARY_TRANSFER",
            "distilled on general text, mean embeddings, distilled in the domain",
        ),
        "tinybert": ("finkd.strategies.known:TINYBERT", "states and attention on general text, then on the task"),
        "minilm": ("finkd.strategies.known:MINILM", "attention relations on general text"),
        "distilbert": ("finkd.strategies.known:DISTILBERT", "triple loss on general text, then the teacher's labels"),
        "masked-teacher": ("finkd.strategies.known:MASKED_TEACHER", "no student: a masked-LM head on the teacher"),
        "adapted-teacher": ("finkd.strategies.known:ADAPTED_TEACHER", "no student: the teacher adapted to the domain"),
    },
)

_STAGE = re.compile(r"(?P<kind>[a-z][a-z-]*)(?::(?P<on>[a-z-]+))?(?:\((?P<settings>[^()]*)\))?\s*")


@dataclass(frozen=True)
class Step:
    """One stage of a strategy with its resolved settings.

    Attributes:
        name: as written, such as ``"task-distill:text"``.
        stage: the stage.
    """

    name: str
    stage: Stage


def parse(text: str, defaults: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    """Read ``shrink(layers=[0,2,5]) > retokenize > task-distill:text``, or the name of a known strategy.

    A name also stands for its stages within a longer strategy. Settings come from the stage's own defaults,
    ``defaults[kind]``, ``defaults["kind:on"]``, then the brackets.

    Args:
        text: the strategy.
        defaults: settings by stage, from a config.

    Raises:
        ConfigError: with the character where reading stopped, or the setting that is wrong.
        UnknownNameError: if a stage is unknown.
    """
    if text in strategies:
        text = strategies.get(text).text  # "finetune" is both a strategy and a stage, so it is looked up once
    matches = list(_matches(text))  # all names are known before a stage is imported, and torch with it
    return [step for match in matches for step in _steps(match, defaults)]


def _matches(text: str) -> Iterator[re.Match[str]]:
    """The stages of a strategy, each of which, or a strategy of its name, is known."""
    position = 0
    while True:
        position = len(text) - len(text[position:].lstrip())
        match = _STAGE.match(text, position)
        if match is None:
            raise ConfigError(f"strategy: expected a stage at character {position} of {text!r}, such as 'finetune'")
        _check_name(match)
        yield match
        position = match.end()
        if position == len(text):
            return
        if text[position] != ">":
            raise ConfigError(f"strategy: expected '>' at character {position} of {text!r} (got {text[position]!r})")
        position += 1


def written_out(text: str, defaults: Mapping[str, Mapping[str, Any]]) -> str:
    """A strategy with every setting of its stages in brackets, so that it means the same whatever the defaults are.

    Args:
        text: the strategy, or its name.
        defaults: settings by stage, from a config.

    Raises:
        ConfigError: as for ``parse``.
        UnknownNameError: as for ``parse``.
    """
    return " > ".join(f"{step.name}({_written(step.stage)})" for step in parse(text, defaults))


def _written(stage: Stage) -> str:
    settings = {key: json.dumps(value) for key, value in dataclasses.asdict(stage).items() if key != "on"}  # type: ignore[call-overload]
    # A strategy as a setting has brackets of its own, which do not nest: it stays what the defaults say.
    return ", ".join(f"{key}={value}" for key, value in settings.items() if not {"(", ")"} & set(value))


def _check_name(match: re.Match[str]) -> None:
    kind = match["kind"]
    asked = f"{kind}:{match['on']}" if match["on"] else kind
    if not (asked in stages or kind in stages or kind in strategies):
        found = unknown("stages and strategies", asked, list({*stages, *strategies}))
        raise UnknownNameError(f"{found} (at character {match.start()} of {match.string!r})")


def _steps(match: re.Match[str], defaults: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    """One stage, or those that the name of a strategy stands for."""
    kind, on, brackets = match["kind"], match["on"], match["settings"]
    if f"{kind}:{on}" in stages:
        return [_step(f"{kind}:{on}", None, brackets or "", defaults)]
    if kind in stages:
        return [_step(kind, on, brackets or "", defaults)]
    if on or brackets is not None:
        raise ConfigError(f"strategy: {kind!r} stands for several stages, which take their settings from the config")
    return parse(kind, defaults)


def _step(kind: str, on: str | None, brackets: str, defaults: Mapping[str, Mapping[str, Any]]) -> Step:
    name = f"{kind}:{on}" if on else kind
    settings: dict[str, Any] = {}
    for source in (defaults.get(kind, {}), {"on": on} if on else {}, defaults.get(name, {}) if on else {}):
        settings = merge(settings, source)
    for inline in _inline(brackets, name):  # one by one: null has to meet what it takes back
        settings = merge(settings, inline)
    return Step(name, build(stages.get(kind), settings, f"stages.{name}"))


def _inline(text: str, name: str) -> Iterator[dict[str, Any]]:
    """Settings in brackets, each nested by its dotted name: ``schedule.epochs=3``."""
    for part in _parts(text) if text.strip() else []:
        key, equals, value = part.partition("=")
        if not equals:
            raise ConfigError(f"strategy: expected key=value in the brackets of {name!r} (got {part.strip()!r})")
        try:
            yield nested(key.strip(), read_yaml(value))
        except yaml.YAMLError as error:
            problem = getattr(error, "problem", None) or "not valid YAML"
            raise ConfigError(f"strategy: {key.strip()} of {name!r}: {problem} (got {value.strip()!r})") from error


def _parts(text: str) -> list[str]:
    """Text cut at its commas, but for those within brackets or braces."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def nested(dotted: str, value: Any) -> dict[str, Any]:
    """``{"a": {"b": value}}`` for ``a.b``."""
    for key in reversed(dotted.split(".")):
        value = {key: value}
    return dict(value)


def merge(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of both, the second's where they meet; mappings merge key by key, and ``None`` takes a setting back."""
    merged = dict(first)
    for key, value in second.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged
