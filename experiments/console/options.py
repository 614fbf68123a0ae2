"""Options that several commands share, options that take a list, and options that would have no effect."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

import typer

from finkd.corpora.errors import ConfigError
from finkd.machine.threads import use_threads

FORMER_OPTIONS: Mapping[str, str] = {"--on": "--corpus", "--size": "--vocab-size"}
"""Former spelling -> the spelling now, which the error for an unknown option names."""

Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace one setting; may be repeated.")
]
Seeds = Annotated[list[str] | None, typer.Option(metavar="1,2,3", help="Seeds. (default: the configured ones, or 1)")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        callback=use_threads,
        help="Processor threads, shared by all processes of the command. (default: those this process may use)",
    ),
]
"""The option of every command that computes; its callback applies it before any library is imported."""
Precision = Annotated[
    Literal["auto", "fp32", "bf16"],
    typer.Option(help="Of PyTorch: auto is bf16 where the processor multiplies it itself."),
]
Scheme = Annotated[
    Literal["IOB1", "IOB2", "BIOES"], typer.Option(help="How a labelled corpus given by its path is tagged.")
]
Offsets = Annotated[
    Literal["characters", "utf16", "bytes"], typer.Option(help="What the offsets in a corpus given by its path count.")
]
Split = Annotated[
    str | None, typer.Option(help="Split of the corpus. (default: test, else validation; all of a single file)")
]
WhenDone = Annotated[
    str | None,
    typer.Option(metavar="COMMAND", help="Run this at the end; FINKD_OUTCOME says done, interrupted or failed."),
]


def finite(value: float | None) -> float | None:
    """Return the number that was given for an option.

    Raises:
        BadParameter: if it is infinite or not a number.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"expected a finite number (got {value})")
    return value


def values(given: Sequence[str] | None, is_one: Callable[[str], bool] = lambda value: False) -> list[str]:
    """Return the values of an option that takes a list: it may be repeated, and each time hold several with commas.

    Args:
        given: as on the command line.
        is_one: whether a text with commas is one value, such as a name or a path that exists.
    """
    parts = ([text] if "," not in text or is_one(text) else text.split(",") for text in given or ())
    return [part.strip() for each in parts for part in each]


def named(command: str, given: Sequence[str]) -> dict[str, str]:
    """Return folders by their names: ``NAME=FOLDER``, or a folder, which is called like its last part.

    Raises:
        ConfigError: if two have the same name, or one has none.
    """
    from finkd.models.lookup import model_name

    found: dict[str, str] = {}
    for each in given:
        name, equals, folder = each.partition("=")
        if not equals or "/" in name:
            name, folder = model_name(each), each
        if not any(map(str.isalnum, name)):
            raise ConfigError(f"{command}: expected a letter or digit in NAME of NAME=FOLDER (got {each!r})")
        if name in found:
            raise ConfigError(f"{command}: two models are called {name!r}; write NAME=FOLDER")
        found[name] = folder
    return found


def numbers(option: str, given: Sequence[str] | None) -> list[int]:
    """Return the values of an option that takes a list of whole numbers.

    Raises:
        ConfigError: if one is no whole number.
    """
    try:
        return [int(value) for value in values(given)]
    except ValueError as error:
        raise ConfigError(f"{option}: expected whole numbers such as 1,2,3 (got {','.join(given or ())!r})") from error


def refuse_idle(context: typer.Context, why: str, *names: str) -> None:
    """Refuse options that the user has given although the others leave them without effect.

    Args:
        context: of the command.
        why: what leaves them without effect, such as ``"without --file"``.
        names: of the command's parameters that would do nothing.

    Raises:
        ConfigError: if one of them was given.
    """
    parameters = {parameter.name: parameter for parameter in context.command.params}
    sources = {name: context.get_parameter_source(name) for name in names}
    given = [parameters[name].opts[0] for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    if given:
        does, it = ("does", "it") if len(given) == 1 else ("do", "them")
        raise ConfigError(f"{context.info_name}: {', '.join(given)} {does} nothing {why}; leave {it} out")


def refuse_idle_scheme(context: typer.Context, corpus: str) -> None:
    """Refuse ``--scheme`` and ``--offsets`` beside a corpus of the catalog, whose scheme and offsets are known.

    Raises:
        ConfigError: if one of them was given.
    """
    from finkd.corpora.catalog import corpora

    if corpus in corpora:
        refuse_idle(context, f"with {corpus!r}, which knows how it is tagged", "scheme", "offsets")
