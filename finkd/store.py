"""Content-addressed store: the address of a result is the hash of everything that decides it.

An entry is a folder, written atomically (temporary folder, fsync, rename), with a manifest of its files' SHA-256. An
entry that does not match its manifest is logged and computed again; it is never used.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from finkd.corpora.errors import StoreError
from finkd.corpora.files import as_store_error, atomic_folder, clean, remove_abandoned, sha256, turn
from finkd.machine import processes

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
_LOCK = ".lock"
_UNTOUCHED = "; earlier results are untouched"
UNFINISHED = "unfinished"
"""Kind of an entry that is still being written, or was abandoned."""


def address(material: Mapping[str, Any]) -> str:
    """Return the content address of a result: a hash of the canonical JSON of everything that decides it."""
    canonical = json.dumps(material, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


_NAME = re.compile(r"[0-9a-f]{32}(\.part-\d)?|\.[0-9a-f]{32}\..+")
"""Addresses, their checkpoints, and temporary folders of either."""


@dataclass(frozen=True)
class Stored:
    """Entry whose files were checked.

    Attributes:
        folder: of the files.
        facts: JSON values beside them, such as the time of computation.
    """

    folder: Path
    facts: Mapping[str, Any]

    @property
    def bytes(self) -> int:
        """Size of its files, without the manifest."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file() and file.name != MANIFEST)


@dataclass(frozen=True)
class Entry:
    """Entry that was not checked.

    Attributes:
        key: its address.
        kind: of its content, such as a stage's name, or ``UNFINISHED``.
        bytes: size of its files.
        changed: time of its creation, in seconds since 1970.
    """

    key: str
    kind: str
    bytes: int
    changed: float


class Store:
    """Folder of entries.

    Args:
        root: the folder; made with the first entry.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, key: str, instead: str = "it will be computed again") -> Stored | None:
        """Return the entry at an address, or ``None`` if it is absent or damaged.

        Args:
            key: the address.
            instead: what the caller does about a damaged entry, for the log.
        """
        folder = self.root / key
        if not folder.is_dir():
            return None
        problem, manifest = _check(folder)
        if problem:
            log.warning("%s: %s; %s", folder, problem, instead)
            return None
        return Stored(folder, manifest["facts"])

    def has(self, key: str) -> bool:
        """Return whether there is an entry at an address, without checking it."""
        return (self.root / key / MANIFEST).is_file()

    @contextlib.contextmanager
    def put(self, key: str, facts: dict[str, Any]) -> Iterator[Path]:
        """Yield an empty folder to fill, which becomes the entry if the block ends without an error.

        Args:
            key: the address.
            facts: JSON values to store with it; may be filled within the block.

        Raises:
            StoreError: if the store cannot be written.
        """
        path = self.root / key
        with as_store_error(path, _UNTOUCHED, (OSError, SafetensorError)), atomic_folder(path) as folder:
            yield folder
            files = {str(f.relative_to(folder)): sha256(f) for f in sorted(folder.rglob("*")) if f.is_file()}
            manifest = {"facts": facts, "files": files, "digest": address({"facts": facts, "files": files})}
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def made(self, key: str, facts: dict[str, Any], fill: Callable[[Path], object]) -> Stored:
        """Return the entry at an address; if there is none, fill it now while other processes wait.

        Args:
            key: the address.
            facts: as for ``put``.
            fill: writes its files into an empty folder.

        Raises:
            StoreError: if the store cannot be written.
        """
        found = self.filled(key, facts, fill) if processes.is_first() else None
        processes.wait()
        found = found or self.get(key)
        if found is None:
            raise StoreError(f"{self.root / key}: another process has written it, this one cannot read it")
        return found

    def filled(self, key: str, facts: dict[str, Any], fill: Callable[[Path], object]) -> Stored:
        """Return the entry at an address as ``made`` does, in this process alone."""
        found = self.get(key)
        if found is None:
            with self.turn(key):
                found = self.get(key)  # another run may have filled it in the meantime
                if found is None:
                    with self.put(key, facts) as folder:
                        fill(folder)
                    found = Stored(self.root / key, facts)
        return found

    @contextlib.contextmanager
    def turn(self, key: str) -> Iterator[None]:
        """Lock an address, so that of two runs that need the same result one waits for the other.

        Raises:
            StoreError: if the store cannot be written.
        """
        with contextlib.ExitStack() as held:
            with as_store_error(self.root / key, _UNTOUCHED):
                held.enter_context(turn(self.root / f".{key}.turn"))
            yield

    def entries(self) -> Iterator[Entry]:
        """Yield all entries, unfinished ones included; other files of the folder are ignored.

        A folder that a run removes or renames meanwhile is left out.
        """
        for folder in sorted(self.root.iterdir()):
            if folder.is_dir() and _NAME.fullmatch(folder.name):
                with contextlib.suppress(FileNotFoundError):
                    yield _entry(folder)

    def problem(self, key: str) -> str:
        """Describe the damage of an entry; empty if there is none, or the entry is not there any more."""
        problem, _ = _check(self.root / key)
        return problem if (self.root / key).is_dir() else ""

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Lock the store against pruning; any number of runs may use it at once.

        Raises:
            StoreError: if the store cannot be written.
        """
        with self._locked(fcntl.LOCK_SH):
            self.clean()
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Lock the store exclusively, so that entries may be removed.

        Raises:
            StoreError: if a run uses it.
        """
        with self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            with as_store_error(self.root, _UNTOUCHED):
                self.root.mkdir(parents=True, exist_ok=True)
                file = held.enter_context((self.root / _LOCK).open("a"))
                try:
                    fcntl.flock(file, how)
                except BlockingIOError as error:
                    raise StoreError(f"{self.root}: in use by another finkd run; wait until it has ended") from error
            yield

    def clean(self) -> None:
        """Remove unfinished entries and locks of killed processes; those of running processes stay."""
        clean(self.root)
        for path in self.root.glob(".*.turn"):
            remove_abandoned(path)

    def remove(self, key: str) -> None:
        """Remove an entry, if there is one, unless a running process is writing it."""
        if key.startswith("."):
            remove_abandoned(self.root / key)
        else:
            shutil.rmtree(self.root / key, ignore_errors=True)


def _entry(folder: Path) -> Entry:
    """Describe the entry in a folder.

    Raises:
        FileNotFoundError: if the folder is removed meanwhile.
    """
    try:
        facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["facts"]
        kind = str(facts.get("stage") or facts.get("kind"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        kind = "damaged"
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    kind = UNFINISHED if folder.name.startswith(".") else kind
    return Entry(folder.name, kind, size, folder.stat().st_mtime)


def _check(folder: Path) -> tuple[str, dict[str, Any]]:
    """Describe the damage of an entry, and return its manifest."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        expected = dict(manifest["files"])
        if manifest["digest"] != address({"facts": manifest["facts"], "files": expected}):
            return f"{MANIFEST} does not match its own checksum", {}
    except (OSError, ValueError, KeyError, TypeError):
        return f"{MANIFEST} is missing or damaged", {}
    for name, digest in expected.items():
        try:
            if sha256(folder / name) != digest:
                return f"{name} does not match its checksum", {}
        except OSError as error:
            return f"{name} cannot be read ({error.strerror})", {}
    return "", manifest
