"""Files that are either whole or absent: atomic writes, checksums and locks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from corpora.errors import ConfigError, StoreError

_WRITTEN = (
    ("config.json", "model.safetensors"),
    ("config.json", "model.onnx"),
    ("setup.py", "meta.json", "MANIFEST.in"),  # a package of spaCy
)
"""What a folder holds that 'finkd compress' or 'finkd export' wrote."""


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part.

    Raises:
        StoreError: if the folder cannot be written or the disk is full; the old content is untouched.
    """
    raw = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"{path}: cannot write ({error.strerror or error}); earlier files are untouched") from error


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``path`` when the block ends well, and vanishes when it does not.

    An existing ``path`` is replaced as a whole.

    Raises:
        StoreError: if the parent folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    except OSError as error:
        raise StoreError(f"{path}: cannot write ({error.strerror or error})") from error
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())
        temporary.chmod(0o755)
        _put_in_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_replaceable(path: Path, source: Path | None = None) -> None:
    """See that a folder that is asked for holds nothing that would be missed.

    Args:
        path: to be written; what was written there before by the same means may be replaced.
        source: what is read meanwhile.

    Raises:
        ConfigError: if something else lies there, or the source is within it.
    """
    if source is not None and source.resolve().is_relative_to(path.resolve()):
        raise ConfigError(f"{path}: holds what is read; choose another folder")
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path}: is a file; choose a folder")
    is_ours = any(all((path / name).is_file() for name in names) for names in _WRITTEN) and not (path / ".git").exists()
    if path.is_dir() and any(path.iterdir()) and not is_ours:
        raise ConfigError(f"{path}: holds other files, which would be lost; choose another folder")


def _put_in_place(new: Path, path: Path) -> None:
    """Rename a folder over another one. What was there is moved aside first, so that no moment shows half of each."""
    aside = new.with_name(f"{new.name}.old")
    for _ in range(3):  # another process may put its own folder here between the two renames
        with contextlib.suppress(FileNotFoundError):
            path.replace(aside)
        try:
            new.replace(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                with contextlib.suppress(OSError):
                    aside.replace(path)
                raise
        else:
            shutil.rmtree(aside, ignore_errors=True)
            break
        shutil.rmtree(aside, ignore_errors=True)
    else:
        raise StoreError(f"{path}: another process keeps writing here; run one at a time")


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait until no other process holds a file of this name, and hold it; it is gone afterwards.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = path.open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
        # The one before may have removed the file while this one was waiting for it.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                break
        file.close()
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold a folder for one process; the lock dies with the process, so a crash never leaves it behind.

    Raises:
        StoreError: if another process holds it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        raise StoreError(f"{folder}: cannot write ({error.strerror or error}); choose another --out") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(f"{folder}: in use by another finkd run; wait for it or choose another --out") from error
        yield
