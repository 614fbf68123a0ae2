"""Files of versioned records, one in a file or one in each line, each with a digest of its content."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.files import write_atomic
from finkd.corpora.readers.lines import numbered_lines
from finkd.settings import build

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


def digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a record's values, as ``sha256:...``.

    It is computed from canonical JSON (sorted keys, no white space, ASCII, shortest decimal numbers), so that it does
    not depend on the layout of the file, and any JSON library can reproduce it.
    """
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode('ascii')).hexdigest()}"


def record_text(record: DataclassInstance, indent: int | None = None) -> str:
    """Return a record as JSON with the digest of its content, on one line unless it is indented."""
    content = json.loads(json.dumps(dataclasses.asdict(record)))
    return json.dumps({**content, "digest": digest(content)}, indent=indent) + "\n"


def write_record(record: DataclassInstance, path: Path, indent: int | None = 1) -> None:
    """Write a record as JSON with the digest of its content, atomically."""
    write_atomic(path, record_text(record, indent))


def read_record(kind: type[T], path: Path, version: int, name: str, remedy: str) -> T:
    """Read a versioned record and check its digest.

    Raises:
        DataError: if the file is not a record of this version, or was changed after it was written.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not a {name} ({error})") from error
    return _record(kind, text, str(path), version, name, remedy)


def files_below(paths: Iterable[Path], names: Iterable[str]) -> list[Path]:
    """Return the given files, and those below the given folders whose names match one of the patterns."""
    kinds = list(names)
    return [
        file
        for path in paths
        for file in (sorted(each for kind in kinds for each in path.rglob(kind)) if path.is_dir() else [path])
    ]


def records_in(kind: type[T], path: Path, version: int, name: str, remedy: str) -> list[T]:
    """Read a file with one record, or a ``.jsonl`` file with one in each line; see ``read_record``."""
    if path.suffix != ".jsonl":
        return [read_record(kind, path, version, name, remedy)]
    lines = [(number, line) for number, line in numbered_lines(path) if line.strip()]
    return [_record(kind, line, f"{path}:{number}", version, name, remedy) for number, line in lines]


def _record(kind: type[T], text: str, where: str, version: int, name: str, remedy: str) -> T:
    try:
        raw = json.loads(text)
        found = raw.get("version")
    except (ValueError, AttributeError, RecursionError) as error:
        raise DataError(f"{where}: not a {name} ({error})") from error
    if found != version:
        raise DataError(f"{where}: {name} of version {found!r}, expected {version}; remove it and {remedy}")
    written = raw.pop("digest", None)
    if written is None:
        raise DataError(f"{where}: {name} without a digest, so a change cannot be noticed; remove it and {remedy}")
    if written != digest(raw):
        raise DataError(
            f"{where}: {name} was changed after it was written (digest {written!r}, content {digest(raw)!r}); "
            f"restore the file, or remove it and {remedy}"
        )
    try:
        return build(kind, raw, "", is_record=True)
    except ConfigError as error:
        raise DataError(f"{where}: damaged {name} ({'; '.join(str(error).splitlines())})") from error
