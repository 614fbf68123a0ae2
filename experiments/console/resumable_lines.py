"""Files of JSON lines that a command which was killed goes on with."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from finkd.corpora.errors import ConfigError, StoreError
from finkd.corpora.files import as_store_error, write_atomic

_SECONDS = 10.0
"""Between two lines of progress."""


class ResumableLines:
    """JSON lines of a file that is not whole yet.

    Args:
        file: open for reading and appending; what stands behind the last line break is removed.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = _after_last_line(file)
        file.truncate(self._end)

    @property
    def begun(self) -> bool:
        """Whether objects were written before."""
        return self._end > 0

    def finished(self) -> Iterator[dict[str, Any]]:
        """Yield the objects that were written before."""
        self._file.seek(0)
        while self._file.tell() < self._end:
            yield json.loads(self._file.readline())

    def write(self, entries: Mapping[str, Any]) -> None:
        """Append an object; after ``finished`` has come to its end."""
        self._file.write(json.dumps(entries).encode("ascii") + b"\n")


@contextmanager
def resumable_lines(path: Path, made_by: Mapping[str, Any]) -> Iterator[ResumableLines]:
    """Write a file that gets its name once it is whole.

    Until then, what is written lies beside it, as ``NAME.unfinished``, for the next call to go on with; what made it,
    in ``NAME.unfinished.json``.

    Args:
        path: of the file; must not exist.
        made_by: what decides the lines, as JSON; a file that was begun by something else is refused.

    Raises:
        ConfigError: if the file exists, or was begun by something else.
        StoreError: if it cannot be written, or another process writes it.
    """
    if path.exists():
        raise ConfigError(f"{path}: exists; remove it, or choose another --out")
    part, about = (path.with_name(f"{path.name}.{ending}") for ending in ("unfinished", "unfinished.json"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = part.open("a+b")
    except OSError as error:
        raise StoreError(f"{part}: cannot be written ({error.strerror})") from error
    with as_store_error(part, "; the same command goes on where it was"), file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(f"{part}: is being written by another process; choose another --out") from error
        lines = ResumableLines(file)
        described = json.dumps(made_by, sort_keys=True)
        # Beside a file without lines, the description is one that a kill, or who removed the lines, has left behind.
        if lines.begun and about.is_file() and about.read_text(encoding="utf-8") != described:
            raise ConfigError(
                f"{part}: was begun with another model or other options (see {about}); remove both, or choose "
                "another --out"
            )
        write_atomic(about, described)
        yield lines
        file.flush()
        os.fsync(file.fileno())
        part.rename(path)
        about.unlink()


def told(say: Callable[[str], None]) -> Callable[[int], None]:
    """Return a function that is told of each text by its characters, and says now and then how far the work is."""
    began = last = time.monotonic()
    texts = characters = 0

    def done(length: int) -> None:
        nonlocal last, texts, characters
        texts, characters = texts + 1, characters + length
        now = time.monotonic()
        if now - last > _SECONDS:
            last = now
            say(f"{texts:,} texts, {characters:,} characters, {characters / (now - began):,.0f} a second")

    return done


def _after_last_line(file: IO[bytes]) -> int:
    """Return the place behind the last line break of a file."""
    place = file.seek(0, os.SEEK_END)
    while place:
        start = max(0, place - 2**16)
        file.seek(start)
        found = file.read(place - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        place = start
    return 0
