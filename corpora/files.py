"""Files that are either whole or absent: atomic writes, checksums and locks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from finkd.corpora.errors import ConfigError, FinkdError, StoreError

MARK = ".finkd"
"""Empty file in a folder that finkd wrote at a place that the user named, and may replace."""
_UNFINISHED = re.compile(r"\.(?P<name>.+)\.finkd-[0-9a-f]{8}")
"""Temporary folders, which hold ``_LOCK``, ``_NEW`` and for a moment ``_OLD``.

The name is finkd's own: what matches is removed, wherever finkd writes.
"""
_LOCK, _NEW, _OLD = "lock", "new", "old"


def exists(path: Path) -> bool:
    """Return whether a file or folder has this name; a name that no file can have, such as one too long, is none's."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes, read in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part.

    Its mode is what the umask gives. What killed processes left in the folder is removed.

    Raises:
        StoreError: if the folder cannot be written or the disk is full; the old content is untouched.
    """
    with as_store_error(path, "; earlier files are untouched"), _temporary_folder(path) as new:
        with (new / "file").open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        (new / "file").replace(path)


def check_writable(path: Path, *, folder: bool = False) -> None:
    """Check that a file can be written, before the work whose result it is to hold; the folder it stands in is made.

    Args:
        path: to be written.
        folder: whether it is a folder, to be replaced as ``atomic_folder`` does.

    Raises:
        StoreError: if it cannot, or a folder has the name of a file.
    """
    with as_store_error(path), _temporary_folder(path):
        if path.is_dir() and not folder:
            raise _is_a_directory()


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``path`` when the block ends well, and vanishes when it does not.

    An existing ``path`` is replaced as a whole. Modes are what the umask gives, whatever the files were written with.
    What killed processes left beside ``path`` is removed.

    Raises:
        StoreError: if the parent folder cannot be written, or the disk is full in the end.
    """
    with contextlib.ExitStack() as held:
        with as_store_error(path):
            new = held.enter_context(_temporary_folder(path))
        yield new
        with as_store_error(path):
            _give_usual_modes(new)
            for file in new.rglob("*"):
                if file.is_file():
                    with file.open("rb") as opened:
                        os.fsync(opened.fileno())
            _put_in_place(new, path, new.with_name(_OLD))


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield an empty folder where the system keeps temporary files; unlike Python's own, a kill does not leave it.

    Raises:
        OSError: if it cannot be made.
    """
    with _temporary_folder(Path(tempfile.gettempdir(), "scratch")) as new:
        yield new


@contextlib.contextmanager
def as_store_error(path: Path, more: str = "", errors: tuple[type[Exception], ...] = (OSError,)) -> Iterator[None]:
    """Convert errors of a full disk or a read-only folder to ``StoreError``; what finkd has explained stays.

    Args:
        path: what is written.
        more: end of the message.
        errors: those that a full disk causes.
    """
    try:
        yield
    except FinkdError:
        raise
    except errors as error:
        raise StoreError(f"{path}: cannot write ({getattr(error, 'strerror', None) or error}){more}") from error


def clean(folder: Path) -> None:
    """Remove the temporary folders of processes that were killed; those of living ones stay.

    Args:
        folder: only what lies in it is looked at, and not what lies deeper; may be absent.
    """
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _UNFINISHED.fullmatch(path.name) and not path.is_symlink():
                remove_abandoned(path)


def remove_abandoned(path: Path) -> bool:
    """Remove a lock file or a temporary folder, unless a living process holds it.

    Returns:
        whether it was removed.
    """
    is_folder = path.is_dir()
    try:
        # A process that was killed at once has left a folder without a lock.
        file = (path / _LOCK).open("a") if is_folder else path.open("r+")
    except OSError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        found = _UNFINISHED.fullmatch(path.name)
        if is_folder and found and not path.with_name(found["name"]).exists():
            with contextlib.suppress(OSError):  # killed while the old folder was aside, or there was none
                (path / _OLD).replace(path.with_name(found["name"]))
        if is_folder:
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return not path.exists()


@contextlib.contextmanager
def _temporary_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder, in one beside ``path`` that this process locks and that is removed at the end.

    What killed processes left beside ``path`` is removed.
    """
    if not path.name:
        raise _is_a_directory()
    path.parent.mkdir(parents=True, exist_ok=True)
    clean(path.parent)
    while True:
        temporary = path.with_name(f".{path.name}.finkd-{secrets.token_hex(4)}")
        temporary.mkdir(mode=0o700)
        with contextlib.suppress(FileNotFoundError):  # removed before it was locked
            if lock := _locked(temporary / _LOCK):
                break
    with lock:
        try:
            (temporary / _NEW).mkdir()
            yield temporary / _NEW
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _is_a_directory() -> IsADirectoryError:
    return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


def _locked(path: Path) -> IO[str] | None:
    """Open a file and lock it for as long as this process lives; ``None`` if another process has removed it before."""
    file = path.open("a")
    # Without locks on this file system nothing is ever taken for abandoned.
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX)
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
    file.close()
    return None


def _give_usual_modes(folder: Path) -> None:
    """Give what lies in a folder the modes that new files and folders get; some libraries write for the owner alone.

    Args:
        folder: has just been made, so that its own mode is what the umask, or the list of its parent, allows.
    """
    usual = stat.S_IMODE(folder.stat().st_mode) & 0o777
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        is_executable = path.is_dir() or mode & stat.S_IXUSR
        wanted = (mode & ~0o777) | (usual & (0o777 if is_executable else 0o666))
        if wanted != mode:
            with contextlib.suppress(PermissionError):  # a link to another user's file
                path.chmod(wanted)


def check_replaceable(path: Path, *sources: str | Path | None) -> None:
    """Check that a folder that is asked for holds nothing that would be missed.

    Args:
        path: to be written; what finkd wrote there before, with ``MARK``, may be replaced.
        sources: what is read meanwhile; those that are no file or folder, such as hub ids, are left out.

    Raises:
        ConfigError: if something else lies there, or a source is within it.
    """
    read = [Path(source).expanduser() for source in sources if source]
    if any(exists(each) and each.resolve().is_relative_to(path.resolve()) for each in read):
        raise ConfigError(f"{path}: holds what is read; choose another folder")
    if Path.cwd().is_relative_to(path.resolve()):
        raise ConfigError(f"{path}: is the working folder, or holds it; choose another folder")
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path}: is a file; choose a folder")
    is_ours = (path / MARK).is_file() and not (path / ".git").exists()
    if path.is_dir() and any(path.iterdir()) and not is_ours:
        raise ConfigError(f"{path}: holds other files, which would be lost; choose another folder, or remove this one")


def _put_in_place(new: Path, path: Path, aside: Path) -> None:
    """Rename a folder over another one. What was there is moved aside first, so that no moment shows half of each."""
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
            return
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    raise StoreError(f"{path}: another process keeps writing here; run one at a time")


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait until no other process holds a file of this name, and hold it; it is gone afterwards.

    Raises:
        OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while (file := _locked(path)) is None:
        pass
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold a folder for one process; the lock dies with the process, so a crash never leaves it behind.

    What killed processes left unfinished in the folder, and in those two levels below, is removed.

    Raises:
        StoreError: if another process holds it, or it cannot be written.
    """
    with as_store_error(folder, "; choose another --out"):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(f"{folder}: in use by another finkd run; wait for it or choose another --out") from error
        for each in (folder, *folder.glob("*/"), *folder.glob("*/*/")):
            clean(each)
        yield
