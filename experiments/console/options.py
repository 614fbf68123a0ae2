"""Refuse options of the command line that would do nothing."""

from __future__ import annotations

import typer

from finkd.corpora.errors import ConfigError


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
    given = [parameters[name].opts[0] for name in names if _is_given(context, name)]
    if given:
        does, it = ("does", "it") if len(given) == 1 else ("do", "them")
        raise ConfigError(f"{context.info_name}: {', '.join(given)} {does} nothing {why}; leave {it} out")


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
