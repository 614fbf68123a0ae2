"""Build the reference pages that are made from the code: commands, configuration keys, names and Python."""

from __future__ import annotations

import collections.abc
import dataclasses
import re
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

import finkd
from finkd.documented import is_settings, settings_of, settings_within
from finkd.experiments.cli import app
from finkd.experiments.commands.listing import KINDS, listed
from finkd.experiments.configuration.experiment import Experiment
from finkd.experiments.suites.encoder_experiment import EncoderExperiment
from finkd.experiments.suites.inference import PassSettings
from finkd.experiments.suites.summarization import SummarySettings
from finkd.experiments.tuning.search import Search
from finkd.losses import losses
from finkd.stages import stages
from finkd.suites.answers import AnswerSettings
from finkd.suites.classifier import TextSettings

OUT = Path(__file__).resolve().parents[1] / "reference"
MADE = "Made from the code by `make pages`.\n"
_WORDS = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", Path: "path", Any: "anything"}
_SIGNS = {Ge: ("ge", "from"), Gt: ("gt", "above"), Le: ("le", "to"), Lt: ("lt", "below")}


def files() -> dict[Path, str]:
    """Return the text of each page."""
    pages = {"configuration.md": configuration, "commands.md": commands, "names.md": names, "api.md": python}
    return {OUT / name: page() for name, page in pages.items()}


# Types and defaults


def type_of(kind: Any) -> str:
    """Describe a type in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return f"{type_of(arguments[0])}{_bounds(arguments[1:])}"
    if origin is Literal:
        return _either([f"`{str(each).lower() if isinstance(each, bool) else each}`" for each in arguments])
    if origin in (Union, types.UnionType):
        return _either([type_of(each) for each in arguments if each is not type(None)])
    if origin is tuple or (isinstance(origin, type) and issubclass(origin, collections.abc.Sequence)):
        return f"list of: {type_of(arguments[0])}"
    if isinstance(origin, type) and issubclass(origin, collections.abc.Mapping):
        return "mapping" if arguments[1] is Any else f"mapping to: {type_of(arguments[1])}"
    if is_settings(kind):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return _WORDS.get(kind, f"`{getattr(kind, '__name__', kind)}`")


def _bounds(limits: Sequence[Any]) -> str:
    flat = [each for limit in limits for each in (limit.metadata if isinstance(limit, FieldInfo) else (limit,))]
    said = [
        f"{word} {getattr(each, name):g}"
        for each in flat
        for sign, (name, word) in _SIGNS.items()
        if type(each) is sign
    ]
    return f" {' '.join(said)}" if said else ""


def _either(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def default_of(value: Any) -> str:
    """Show a default as a configuration would have it."""
    if value is dataclasses.MISSING:
        return "required"
    if value is None:
        return "–"
    if is_settings(type(value)):
        usual = {} if _is_required(type(value)) else dataclasses.asdict(type(value)())
        value = {key: each for key, each in dataclasses.asdict(value).items() if key not in usual or usual[key] != each}
        if not value:
            return "its defaults"
    if isinstance(value, tuple):
        value = list(value)
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False).replace("\n...", "").strip()
    return f"`{text}`"


def _is_required(kind: type) -> bool:
    return any(setting.default is dataclasses.MISSING for setting in settings_of(kind))


# Configuration


def configuration() -> str:
    """Build the page of all keys of a configuration."""
    lines = ["# Configuration", "", MADE, _HEAD]
    sections: dict[str, list[type]] = {
        "Experiments on a labelled corpus": [Experiment],
        "Stages": [stages.get(name) for name in stages],
        "Losses": [losses.get(name) for name in losses],
        "Students of an encoder, on general tasks": [EncoderExperiment],
        "Settings of suites": [TextSettings, AnswerSettings, SummarySettings, PassSettings],
        "Tuning": [Search],
    }
    names = {stages.get(name): name for name in stages} | {losses.get(name): name for name in losses}
    seen: set[type] = set(names)
    for heading, kinds in sections.items():
        lines += [f"## {heading}", ""]
        for kind in kinds:
            lines += _section(kind, names.get(kind))
        for kind in _nested(kinds, seen):
            lines += _section(kind, None)
    return "\n".join(lines)


def _nested(kinds: Sequence[type], seen: set[type]) -> Iterator[type]:
    """Yield the dataclasses within the fields of some, each once."""
    waiting = list(kinds)
    while waiting:
        holder = waiting.pop(0)
        for setting in settings_of(holder):
            for kind in settings_within(setting.kind):
                if kind not in seen:
                    seen.add(kind)
                    waiting.append(kind)
                    yield kind


def _section(kind: type, name: str | None) -> list[str]:
    first = (kind.__doc__ or "").strip().partition("\n\n")[0].replace("\n", " ")
    lines = [f"### {f'`{name}`' if name else kind.__name__}", "", re.sub(r" +", " ", _marked(first)), ""]
    rows = [
        f"| `{each.name}` | {' | '.join(map(_cell, (type_of(each.kind), default_of(each.default), each.about)))} |"
        for each in settings_of(kind)
    ]
    return [*lines, "| key | type | default | meaning |", "| :-- | :-- | :-- | :-- |", *rows, ""] if rows else lines


def _marked(text: str) -> str:
    """Turn the marks of a docstring into those of Markdown."""
    return re.sub(r":\w+:(`[^`]+`)", r"\1", text).replace("``", "`")


def _cell(text: str) -> str:
    return _marked(text).replace("|", "\\|").replace("<", "&lt;")


_HEAD = """An experiment is one YAML file, read strictly: an unknown key is refused, and the message names the nearest.
`finkd run FILE --set key.key=value` changes a key, and `--dry-run` checks a file. `finkd schema` writes a JSON schema,
by which editors complete keys:

```
finkd schema > finkd.schema.json        # then, in the first line of a configuration:
# yaml-language-server: $schema=finkd.schema.json
```
"""


# Commands and names

_NOT_RUN = {
    "finkd dashboard": "runs until it is stopped",
    "finkd evaluate sentence-transformers/all-MiniLM-L6-v2 --suite glue": "needs the data of GLUE",
    "finkd human-eval form": "needs summaries that an experiment made",
    "finkd human-eval score": "needs the grades of people",
    "finkd run": "takes minutes",
    "finkd serve": "runs until it is stopped",
    "finkd teachers": "needs a network",
    "finkd tune": "takes minutes",
}
"""Beginnings of examples that tests/docs does not run, and the reason."""


def commands() -> str:
    """Build the page of all commands with their options."""
    root = typer.main.get_command(app)
    lines = ["# Commands", "", MADE, "`finkd COMMAND --help` says the same in a terminal.", ""]
    lines += [line for name, command in _commands(root, "finkd") for line in _command(name, command)]
    return "\n".join(lines)


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    for each, inner in sorted(getattr(command, "commands", {}).items()):
        if hasattr(inner, "commands"):
            yield from _commands(inner, f"{name} {each}")
        elif not inner.hidden:
            yield f"{name} {each}", inner


def _command(name: str, command: Any) -> Iterator[str]:
    about, *examples = _text(command.help).split("Example: ")
    yield from (f"## `{name}`", "", about.strip(), "")
    for example in map(str.strip, examples):
        reason = next((reason for start, reason in _NOT_RUN.items() if example.startswith(start)), None)
        yield from ([f"<!-- not run: {reason} -->"] if reason else [])
        yield from ("```", example, "```", "")
    context = command.make_context(name, [], resilient_parsing=True)
    records = [each.get_help_record(context) for each in command.params if each.name != "help"]
    rows = [f"| {_code(option)} | {_cell(_text(said))} |" for option, said in filter(None, records)]
    if rows:
        yield from ("| option | meaning |", "| :-- | :-- |", *rows, "")


def _code(text: str) -> str:
    return "`" + re.sub(r"\s+", " ", text).replace("|", "\\|") + "`"


def _text(text: str | None) -> str:
    """Return a help text without the marks of a terminal, its paragraphs kept."""
    paragraphs = re.split(r"\n\s*\n", (text or "").replace("\b", "").replace("\f", ""))
    return "\n\n".join(re.sub(r"\s+", " ", each).strip() for each in paragraphs).strip()


def names() -> str:
    """Build the page of everything that can be named."""
    lines = ["# Names", "", MADE, "`finkd list KIND` prints the same, with what is installed from other packages.", ""]
    for kind in KINDS:
        lines += [f"## {kind}", "", "| name | what it is |", "| :-- | :-- |"]
        lines += [f"| `{row['name']}` | {_cell(row['summary'])} |" for row in listed(kind)]
        lines.append("")
    return "\n".join(lines)


# Python

_GROUPS = {
    "Experiments": ["load_experiment", "run", "distill", "compress", "benchmark", "report", "Experiment"],
    "Taggers": [
        "load_tagger",
        "load_model",
        "predict",
        "evaluate",
        "export_onnx",
        "export_spacy",
        "make_app",
        "Model",
        "Tagged",
    ],
    "Tokenizers": ["Tokenizer", "align", "train_vocabulary", "analyze", "AnalysisPlan"],
    "Corpora": ["load_corpus", "Sentence"],
    "Training": ["Schedule"],
    "Tuning": ["load_plan", "tune"],
    "General tasks": ["evaluate_suite", "load_encoder_experiment", "run_encoders", "EncoderExperiment"],
    "Records": ["load_records", "records_frame", "RunRecord"],
    "transformers": ["register_architectures"],
    "Errors": ["FinkdError", "ConfigError", "DataError", "StoreError", "UnavailableError"],
}


def python() -> str:
    """Build the page of the package's public names, which Sphinx fills in.

    Raises:
        ValueError: if a name is in no group.
    """
    grouped = [name for group in _GROUPS.values() for name in group]
    if left := set(finkd.__all__) - {*grouped, "__version__"}:
        raise ValueError(f"not in a group of docs/scripts/reference.py: {', '.join(sorted(left))}")
    lines = ["# Python", "", MADE, "Everything that the command does is one call from `finkd`.", ""]
    for heading, group in _GROUPS.items():
        lines += [f"## {heading}", ""]
        for name in group:
            kind = "class" if isinstance(getattr(finkd, name), type) else "function"
            kind = "exception" if name.endswith("Error") else kind
            lines += [
                "```{eval-rst}",
                f".. auto{kind}:: finkd.{name}",
                *(["   :members:"] * (kind == "class")),
                "```",
                "",
            ]
    return "\n".join(lines)
