"""A command of the user's that is run when a long command has ended."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from finkd.corpora.errors import ConfigError, first_line
from finkd.experiments.console.terminal import say

_SECONDS = 60
"""After which the user's command is not waited for any longer."""


@contextmanager
def announced(command: str | None) -> Iterator[None]:
    """Run a command when the block has ended, well or not, with the outcome in the variable ``FINKD_OUTCOME``.

    The outcome is ``done``, ``interrupted`` or ``failed: ERROR``. A command that fails is told of, and changes nothing.

    Args:
        command: as on a command line, without a shell; ``None`` runs nothing.

    Raises:
        ConfigError: before the block, if the command cannot be split into words.
    """
    try:
        words = shlex.split(command or "")
    except ValueError as error:
        raise ConfigError(f"--when-done: {error}") from error
    outcome = "done"
    try:
        yield
    except KeyboardInterrupt:
        outcome = "interrupted"
        raise
    except BaseException as error:
        outcome = f"failed: {first_line(error)}"
        raise
    finally:
        if words:
            _run(words, outcome)


def _run(words: list[str], outcome: str) -> None:
    try:
        subprocess.run(words, env=os.environ | {"FINKD_OUTCOME": outcome}, check=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        say(f"--when-done: {error}")
