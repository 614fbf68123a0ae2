"""Read strategies in their textual form."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from finkd.corpora.errors import ConfigError, UnknownNameError
from finkd.corpora.registry import unknown
from finkd.settings import MAX_DEPTH, build, shown
from finkd.stages import stages
from finkd.strategies import strategies
from finkd.strategies.strategy import Step, Strategy
from finkd.strict_yaml import read_yaml

if TYPE_CHECKING:  # unknown names of stages are found before torch is imported
    from finkd.stages.stage import Stage

MAX_STAGES = 100
MAX_CHARACTERS = 100_000
_SHOWN = 120

_STAGE = re.compile(r"(?P<kind>[a-z][a-z-]*)(?::(?P<on>[a-z-]+))?")
_QUOTED = re.compile(r"""(?<=[=\[{(,:\s])("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')""")
_CLOSES = {"(": ")", "[": "]", "{": "}"}


def parse(text: str, defaults: Mapping[str, Mapping[str, Any]]) -> Strategy:
    """Read ``truncate-layers(layers=[0,2,5]) > replace-vocabulary > finetune``, or the name of a known strategy.

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
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"strategy: expected up to {MAX_CHARACTERS:,} characters (got {len(text):,})")
    written = list(_stages(text))  # all names are known before a stage is imported, and torch with it
    steps: list[Step] = []
    for match, brackets in written:
        steps += _steps(match, brackets, defaults)
        if len(steps) > MAX_STAGES:
            raise ConfigError(f"strategy: expected up to {MAX_STAGES} stages (got more in {_excerpt(text, 0)})")
    return Strategy(steps)


def _stages(text: str) -> Iterator[tuple[re.Match[str], str | None]]:
    """The stages of a strategy, whose names are known, each with what stands in its brackets."""
    position = 0
    while True:
        position = _after_spaces(text, position)
        match = _STAGE.match(text, position)
        if match is None:
            raise ConfigError(f"strategy: expected a stage at {_place(text, position)}, such as 'finetune'")
        _check_name(match)
        end = _closing(text, match.end()) if text.startswith("(", match.end()) else None
        yield match, None if end is None else text[match.end() + 1 : end]
        position = _after_spaces(text, match.end() if end is None else end + 1)
        if position == len(text):
            return
        if text[position] != ">":
            raise ConfigError(f"strategy: expected '>' at {_place(text, position)} (got {text[position]!r})")
        position += 1


def _after_spaces(text: str, position: int) -> int:
    return len(text) - len(text[position:].lstrip())


def _place(text: str, position: int) -> str:
    """A place of a strategy, for messages."""
    return f"character {position} of {_excerpt(text, position)}"


def _excerpt(text: str, position: int) -> str:
    if len(text) <= _SHOWN:
        return repr(text)
    start = max(0, min(position - _SHOWN // 2, len(text) - _SHOWN))
    before, after = "..." if start else "", "..." if start + _SHOWN < len(text) else ""
    return repr(f"{before}{text[start : start + _SHOWN]}{after}")


def _closing(text: str, start: int) -> int:
    """Find the bracket that closes the one at ``start``.

    Raises:
        ConfigError: with the bracket that is not closed, closes nothing, or may not stand there.
    """
    opened = [start]
    for position, character in _unquoted(text, start + 1):
        if character == "(":
            raise ConfigError(
                f"strategy: found '(' at {_place(text, position)} in the brackets of a stage, which hold no others; "
                "close them before it, or set it under 'stages' in a configuration"
            )
        if character in _CLOSES:
            opened.append(position)
        elif character in _CLOSES.values():
            last = opened.pop()
            if _CLOSES[text[last]] != character:
                raise ConfigError(
                    f"strategy: {text[last]!r} at {_place(text, last)} is not closed "
                    f"(found {character!r} at character {position})"
                )
            if not opened:
                return position
    raise ConfigError(f"strategy: {text[opened[-1]]!r} at {_place(text, opened[-1])} is not closed")


def _unquoted(text: str, start: int) -> Iterator[tuple[int, str]]:
    """Characters with their positions, but for those of quoted values."""
    position = start
    while position < len(text):
        quoted = _QUOTED.match(text, position)
        if quoted:
            position = quoted.end()
        else:
            yield position, text[position]
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
    settings = dataclasses.asdict(stage)  # type: ignore[call-overload]
    settings.pop("on", None)
    # Mappings are merged with the defaults' unless null takes these back first.
    cleared = {key: f"{key}=null, " if isinstance(value, Mapping) else "" for key, value in settings.items()}
    return ", ".join(f"{cleared[key]}{key}={json.dumps(value)}" for key, value in settings.items())


def _check_name(match: re.Match[str]) -> None:
    kind = match["kind"]
    asked = f"{kind}:{match['on']}" if match["on"] else kind
    if not (asked in stages or kind in stages or kind in strategies):
        found = unknown("stages and strategies", asked, {*stages, *strategies}, "strategies")
        raise UnknownNameError(f"{found} (at {_place(match.string, match.start())})")


def _steps(match: re.Match[str], brackets: str | None, defaults: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    """One stage, or those that the name of a strategy stands for."""
    kind, on = match["kind"], match["on"]
    if f"{kind}:{on}" in stages:
        kind, on = f"{kind}:{on}", None
    if kind in stages:
        return [_step(kind, on, brackets or "", defaults)]
    if on or brackets is not None:
        raise ConfigError(f"strategy: {kind!r} stands for several stages, which take their settings from the config")
    return list(parse(kind, defaults))


def _step(kind: str, on: str | None, brackets: str, defaults: Mapping[str, Mapping[str, Any]]) -> Step:
    name = f"{kind}:{on}" if on else kind
    settings: dict[str, Any] = {}
    # Brackets come one by one, since null has to meet what it takes back.
    of_variant = [{"on": on}, defaults.get(name, {})] if on else []
    for source in (
        defaults.get(kind, {}),
        *of_variant,
        *_inline(brackets, name),
    ):
        settings = merge(settings, source)
    return Step(name, build(stages.get(kind), settings, f"stages.{name}"))


def _inline(text: str, name: str) -> Iterator[dict[str, Any]]:
    """Settings in brackets, each nested by its dotted name: ``schedule.epochs=3``."""
    for part in _parts(text) if text.strip() else []:
        key, equals, value = part.partition("=")
        if not equals:
            raise ConfigError(f"strategy: expected key=value in the brackets of {name!r} (got {shown(part.strip())})")
        where = f"strategy: {key.strip()} of {name!r}"
        yield nested(key.strip(), read_yaml(value, where), where)


def _parts(text: str) -> list[str]:
    """Text cut at its commas, but for those within brackets, braces and quotes."""
    cuts, depth = [-1], 0
    for position, character in _unquoted(text, 0):
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            cuts.append(position)
    return [text[start + 1 : end] for start, end in pairwise([*cuts, len(text)])]


def nested(dotted: str, value: Any, where: str) -> dict[str, Any]:
    """``{"a": {"b": value}}`` for ``a.b``.

    Args:
        dotted: the name of a setting.
        value: its value.
        where: names the setting in messages.

    Raises:
        ConfigError: if a part of the name is empty, or there are too many.
    """
    keys = dotted.split(".")
    if not all(keys) or len(keys) > MAX_DEPTH:
        raise ConfigError(f"{where}: expected the name of a setting, such as schedule.epochs (got {shown(dotted)})")
    for key in reversed(keys):
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
