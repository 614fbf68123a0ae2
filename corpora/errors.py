"""The errors that finkd raises on purpose.

Each one is also the matching builtin, so that ``except ValueError`` works for people who have never heard of finkd, and
each message is one line that says what failed, where, what was found and what to do.
"""

from __future__ import annotations

import contextlib
import reprlib
from collections.abc import Iterable, Iterator, Sequence

_LIST_CHARACTERS = 200


class FinkdError(Exception):
    """Anything that finkd refuses with an explanation.

    Example:
        >>> import finkd
        >>> issubclass(finkd.ConfigError, finkd.FinkdError)
        True
    """


class DataError(FinkdError, ValueError):
    """A file or text that breaks its own format; the message starts with ``file:line``.

    Example:
        >>> import finkd
        >>> finkd.load_records(["tagger"])
        Traceback (most recent call last):
        finkd.corpora.errors.DataError: tagger: no run records ...; run an experiment first
    """


class ConfigError(FinkdError, ValueError):
    """A setting that cannot be used; the message starts with the key's path.

    Example:
        >>> import finkd
        >>> finkd.load_experiment("small.yaml", ["seeds=[]"])
        Traceback (most recent call last):
        finkd.corpora.errors.ConfigError: seeds: expected different numbers, at least one (got [])
    """


class UnknownNameError(FinkdError, LookupError):
    """A name that no registry holds."""


class UnavailableError(FinkdError, OSError):
    """Something that is neither on this machine nor reachable from it.

    Args:
        message: the explanation.
        given: the name that was looked for, if another one could stand in its place.
        instead: names that could.

    Example:
        >>> import finkd
        >>> finkd.load_model("no/such/folder")
        Traceback (most recent call last):
        finkd.corpora.errors.UnavailableError: model 'no/such/folder'...
    """

    def __init__(self, message: str, *, given: str = "", instead: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.given, self.instead = given, tuple(instead)


class StoreError(FinkdError, OSError):
    """A stored result or an output folder that is damaged, missing or in use.

    Example:
        >>> import finkd
        >>> issubclass(finkd.StoreError, (finkd.FinkdError, OSError))
        True
    """


@contextlib.contextmanager
def located(where: str) -> Iterator[None]:
    """Put a place, such as a key of a configuration, before the message of every error of finkd that is raised within.

    Example:
        >>> with located("systems.small"):
        ...     raise ConfigError("no layers")
        Traceback (most recent call last):
        finkd.corpora.errors.ConfigError: systems.small: no layers
    """
    try:
        yield
    except FinkdError as error:
        error.args = (f"{where}: {error}", *error.args[1:])
        raise


_QUOTE = reprlib.Repr()
_QUOTE.maxstring = _QUOTE.maxother = 80
_QUOTE.maxlevel = 3


def first_line(error: BaseException) -> str:
    """Return the first line of the message of an error of another library, or what kind of error it is."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def quoted(value: object) -> str:
    """Return a value as a message shows it: on one line, shortened if it is long."""
    return _QUOTE.repr(value)


def listed(names: Iterable[object]) -> str:
    """Return names as a message lists them: on one line, shortened if there are many."""
    texts = [str(name) for name in names]
    line = ", ".join(text if text.isprintable() else repr(text) for text in texts) or "none"
    return line if len(line) <= _LIST_CHARACTERS else f"{line[:_LIST_CHARACTERS]}..."
