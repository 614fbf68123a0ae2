"""One hostile input, and the verdict on what finkd makes of it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

from finkd.corpora.errors import FinkdError

Outcome = Literal["read", "refused", "misread", "traceback"]
MESSAGE_LINES = 40


class Refusal:
    """Expected value of an input that must be refused."""


class Unknown:
    """Expected value of an input whose reading has no simple oracle: it is read or refused, and never crashes."""


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        name: format and damage, such as ``"conll: no-break space after a tag"``.
        read: reads the input by finkd's public code; gives what was understood, or raises ``FinkdError``.
        expected: the only right value of ``read()`` where the input is not refused, or ``Refusal``, or ``Unknown``.
        mentions: strings of which a refusal must name at least one (a file's name, a key); none for any message.
    """

    name: str
    read: Callable[[], Any]
    expected: Any = Unknown
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What finkd made of a case.

    Attributes:
        outcome: ``read`` and ``refused`` are right; ``misread`` (another value, or accepted where it must be refused)
            and ``traceback`` (an error that is not finkd's own, or one whose message does not say where) are faults.
        detail: the message, or the value that was read.
    """

    outcome: Outcome
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether finkd is wrong."""
        return self.outcome in ("misread", "traceback")


Generate = Callable[[Random, Path], Case]
"""Writes one random case into an empty folder. The same seed gives the same case."""


def judge(case: Case) -> Verdict:
    """Read a case and compare with what is expected of it."""
    try:
        value = case.read()
    except FinkdError as error:
        return _refused(case, str(error))
    except (Exception, SystemExit) as error:
        return Verdict("traceback", f"{type(error).__name__}: {error}")
    except BaseException as error:  # a panic of the tokenizers library derives from BaseException
        if isinstance(error, KeyboardInterrupt):
            raise
        return Verdict("traceback", f"{type(error).__name__}: {error}")
    if case.expected is Refusal:
        return Verdict("misread", f"accepted: {value!r:.300}")
    if case.expected is not Unknown and value != case.expected:
        return Verdict("misread", f"{value!r:.300}, expected {case.expected!r:.300}")
    return Verdict("read")


def _refused(case: Case, message: str) -> Verdict:
    if not message.strip() or message.count("\n") >= MESSAGE_LINES:
        return Verdict("traceback", f"message of {message.count(chr(10)) + 1} lines: {message[:200]!r}")
    if case.mentions and not any(name in message for name in case.mentions):
        return Verdict("traceback", f"message names none of {case.mentions}: {message[:200]!r}")
    return Verdict("refused", message)


KINDS = ("data", "models", "tokenizers", "graphs", "requests", "configurations")
"""Modules of this folder that have ``generate(random, folder) -> Case``."""


def generator(kind: str) -> Generate:
    """The generator of a kind."""
    generate: Generate = importlib.import_module(f"tests.hostile.{kind}").generate
    return generate
