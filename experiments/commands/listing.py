"""``finkd list``: what can be named."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

from corpora.errors import ConfigError
from corpora.registry import Registry, unknown
from experiments.terminal import show_json

KINDS = {
    "corpora": "corpora:corpora",
    "floors": "finkd.floors:floors",
    "formats": "reports.formats:formats",
    "losses": "finkd.losses:losses",
    "recipes": "finkd.losses:recipes",
    "maps": "tokenization.maps:maps",
    "stages": "finkd.stages:stages",
    "strategies": "finkd.strategies:strategies",
    "tables": "reports.tables:tables",
    "teachers": "finkd.teachers:KNOWN",
    "transfers": "finkd.transfer:transfers",
    "vocabularies": "tokenization.vocabulary:algorithms",
}


def list_names(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")],
    json: Annotated[bool, typer.Option("--json", help="Print a list of names with summaries as JSON.")] = False,
) -> None:
    """List what can be named in a configuration or on the command line.

    Example: finkd list corpora
    """
    rows = summaries(kind)
    if json:
        show_json([{"name": name, "summary": summary} for name, summary in rows.items()])
        return
    width = max(map(len, rows))
    for name, summary in rows.items():
        typer.echo(f"{name:<{width}}  {summary}")


def summaries(kind: str) -> dict[str, str]:
    """Every name of a kind with its line of explanation.

    Raises:
        ConfigError: if there is no such kind.
    """
    if kind not in KINDS:
        raise ConfigError(unknown("list", kind, list(KINDS)))
    module, _, attribute = KINDS[kind].partition(":")
    named = getattr(importlib.import_module(module), attribute)
    if isinstance(named, Registry):
        return {name: entry.summary for name, entry in named.entries().items()}
    return dict(named)
