"""``finkd list``: list the names that a configuration or the command line can use."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Annotated, Any

import typer
import yaml

from finkd.corpora.corpus import Corpus
from finkd.corpora.errors import ConfigError
from finkd.corpora.locate import availability
from finkd.corpora.registry import Registry, unknown
from finkd.experiments.console.options import Json
from finkd.experiments.console.terminal import show_json

KINDS = {
    "configurations": "finkd.experiments.configuration.shipped:SHIPPED",
    "corpora": "finkd.corpora:corpora",
    "figures": "finkd.reports.figures:figures",
    "baselines": "finkd.evaluation.baselines:baselines",
    "formats": "finkd.reports.formats:formats",
    "general": "finkd.reports.general:general",
    "losses": "finkd.losses:losses",
    "overviews": "finkd.reports.overviews:overviews",
    "recipes": "finkd.losses:recipes",
    "maps": "finkd.tokenization.maps:maps",
    "runtimes": "finkd.runtimes:runtimes",
    "stages": "finkd.stages:stages",
    "strategies": "finkd.strategies:strategies",
    "suites": "finkd.experiments.suites:suites",
    "tables": "finkd.reports.tables:tables",
    "tasks": "finkd.corpora.tasks:tasks",
    "teacher-kinds": "finkd.teachers:kinds",
    "teachers": "finkd.models.pretrained:KNOWN",
    "transfers": "finkd.models:transfers",
    "vocabularies": "finkd.tokenization.trainers:algorithms",
}


def list_names(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")], json: Json = False
) -> None:
    """List what can be named in a configuration or on the command line.

    Example: finkd list corpora
    """
    rows = listed(kind)
    if json:
        show_json(rows)
        return
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        typer.echo(f"{row['name']:<{width}}  {row['summary']}")
        for value in (row[key] for key in SHOWN.get(kind, ())):
            if not isinstance(value, str):  # as it can be pasted into a configuration
                value = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=float("inf")).strip()
            typer.echo(f"{'':<{width}}    {value}")


def listed(kind: str) -> list[dict[str, Any]]:
    """Return every name of a kind with its summary, and what else is known of it.

    Raises:
        ConfigError: if there is no such kind.
    """
    if kind not in KINDS:
        raise ConfigError(unknown("list", kind, list(KINDS)))
    module, _, attribute = KINDS[kind].partition(":")
    named = getattr(importlib.import_module(module), attribute)
    if not isinstance(named, Registry):
        return [{"name": name, "summary": summary} for name, summary in named.items()]
    about = _ABOUT.get(kind, lambda entry: {})
    return [
        {"name": name, "summary": entry.summary, **about(named.get(name) if kind in _ABOUT else None)}
        for name, entry in named.entries().items()
    ]


def _corpus(corpus: Corpus) -> dict[str, Any]:
    return {
        "state": f"{availability(corpus)}; licence: {corpus.licence}",
        "origin": corpus.origin,
        "reference": corpus.reference,
        "files": list(corpus.files),
        "notes": list(corpus.notes),
    }


_ABOUT: dict[str, Callable[[Any], dict[str, Any]]] = {
    "corpora": _corpus,
    "tasks": lambda task: {"notes": list(task.notes)},
    "strategies": lambda strategy: {"stages": strategy.text, "source": strategy.source},
    "recipes": lambda recipe: {"losses": dict(recipe.losses), "source": recipe.source},
}
SHOWN = {"corpora": ("state",), "strategies": ("stages", "source"), "recipes": ("losses", "source")}
