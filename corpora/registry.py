"""Named things: explicit tables of lazy ``"module:Name"`` strings.

A registry imports an entry only when it is asked for, so listing names costs nothing. Other packages add entries
through an entry point in the group ``finkd.<kind>`` (for instance ``finkd.losses``).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from finkd.corpora.errors import ConfigError, UnknownNameError
from finkd.corpora.former_names import renamed

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """One name of a registry.

    Attributes:
        target: ``"module:Name"`` of the object.
        summary: one line for ``finkd list``.
        package: the one that registers it, if it is not finkd.
        papers: BibTeX keys of the works that it comes from.
    """

    target: str
    summary: str
    package: str | None = None
    papers: tuple[str, ...] = ()


class Registry(Generic[T]):
    """A table of names, open to entry points and closed to collisions.

    Args:
        kind: the plural noun for the things listed, such as ``"losses"``; also names the entry-point group.
        entries: name -> (``"module:Name"``, one-line summary), and BibTeX keys if there are some.
    """

    def __init__(self, kind: str, entries: Mapping[str, tuple[str, str] | tuple[str, str, str]]) -> None:
        self.kind = kind
        self._own = {
            name: Entry(target, summary, None, tuple(" ".join(papers).split()))
            for name, (target, summary, *papers) in entries.items()
        }
        self._all: dict[str, Entry] | None = None

    def entries(self) -> dict[str, Entry]:
        """Return all entries by name, those of other installed packages included.

        Raises:
            ConfigError: if another package registers a name that is taken.
        """
        if self._all is None:
            found = dict(self._own)
            for point in entry_points(group=f"finkd.{self.kind}"):
                if point.name in found:
                    raise ConfigError(
                        f"{self.kind}: {point.name!r} is registered twice ({found[point.name].target} and "
                        f"{point.value}); rename one entry point"
                    )
                package = point.dist.name if point.dist else "another package"
                found[point.name] = Entry(point.value, f"from {package}", package)
            self._all = found
        return self._all

    def get(self, name: str) -> T:
        """Import and return the object called ``name``.

        Raises:
            UnknownNameError: if there is none; the message suggests the nearest name.
            ConfigError: if another package registers the name and does not hold the object.
        """
        entry = self.entries().get(name)
        if entry is None:
            raise UnknownNameError(unknown(self.kind, name, self))
        try:
            return cast(T, EntryPoint(name, entry.target, self.kind).load())
        except (ImportError, AttributeError) as error:
            if entry.package is None:
                raise
            raise ConfigError(
                f"{self.kind}: {name!r} of {entry.package} cannot be imported ({error}); mend or uninstall that package"
            ) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries())

    def __contains__(self, name: object) -> bool:
        return name in self.entries()


MAX_NAMES = 10
MAX_CHARACTERS = 100


def unknown(kind: str, name: str, known: Registry[Any] | Iterable[str], listed: str | None = None) -> str:
    """Return the message for a name that ``known`` does not hold, with the nearest one suggested.

    Args:
        kind: what the names are of.
        name: the one that is not known.
        known: the names.
        listed: what ``finkd list`` calls them, if it lists them and they are no registry.
    """
    names = sorted(known)
    near = renamed(name, names) or next(
        iter(difflib.get_close_matches(name[:MAX_CHARACTERS], names, n=1, cutoff=0.5)), None
    )
    given = name if len(name) <= MAX_CHARACTERS else f"{name[:MAX_CHARACTERS]}..."
    if isinstance(known, Registry):
        listed = known.kind
    return f"{kind}: there is no {given!r}{choices(names, near, listed)}"


def choices(names: Iterable[str], near: str | None = None, listed: str | None = None) -> str:
    """Return the end of a message about a name that is not known.

    Args:
        names: what can be named; few are all shown, of many the first ones where there is no suggestion.
        near: the one that is suggested.
        listed: what ``finkd list`` calls them, if it lists them.
    """
    names = sorted(names)
    hint = f"; did you mean {near!r}?" if near else ""
    if near and listed:
        return f"{hint} (see 'finkd list {listed}')"
    if len(names) <= MAX_NAMES:
        return f"{hint} (choose from {', '.join(names)})" if names else hint
    if near:
        return hint
    more = f"... and {len(names) - MAX_NAMES} more" + (f"; see 'finkd list {listed}'" if listed else "")
    return f" (choose from {', '.join(names[:MAX_NAMES])}, {more})"
