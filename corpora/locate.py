"""Find the file of a corpus in ``FINKD_DATA``, then in the cache, or download it from its origin."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.request
from pathlib import Path

import platformdirs

from finkd.corpora.corpus import Corpus, Find, Source
from finkd.corpora.errors import DataError, UnavailableError
from finkd.corpora.files import sha256, write_atomic

TIMEOUT_SECONDS = 30.0
_TRUE = ("1", "ON", "YES", "TRUE")


def cache_folder() -> Path:
    """Return ``$FINKD_CACHE``, else the platform's cache folder for finkd."""
    chosen = os.environ.get("FINKD_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("finkd", appauthor=False))


def is_offline() -> bool:
    """Return whether ``HF_HUB_OFFLINE`` forbids connections (by the values that the hub's client takes for true)."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE


def finder(corpus: Corpus) -> Find:
    """Return a function from one of the corpus's relative paths to the verified file."""
    return lambda relative: locate(relative, corpus.files[relative])


def locate(relative: str, source: Source) -> Path:
    """Find a published file and verify its checksum; download it into the cache if it is nowhere.

    Raises:
        DataError: if a file is there with other bytes.
        UnavailableError: if it is nowhere and cannot be downloaded, or may not be read.
    """
    path = _found(relative)
    if path is None:
        path = cache_folder() / "corpora" / relative
        write_atomic(path, _downloaded(relative, source))
    else:
        _compare(str(path), checksum(path), source)
    return path


def _found(relative: str) -> Path | None:
    """Return the path of a file that lies in ``FINKD_DATA`` or in the cache."""
    data = os.environ.get("FINKD_DATA")
    folders = [*([Path(data)] if data else []), cache_folder() / "corpora"]
    return next((folder / relative for folder in folders if (folder / relative).is_file()), None)


def availability(corpus: Corpus) -> str:
    """Return whether a corpus can be read here: its files are looked for, not opened."""
    missing = [path for path in corpus.files if _found(path) is None]
    if not corpus.files:
        return "ships with finkd"
    if not missing:
        return "here"
    if all(corpus.files[path].url for path in missing):
        return "is downloaded when it is needed"
    return "not here: set FINKD_DATA to a folder that holds its files"


def checksum(path: Path) -> str:
    """Return the hex SHA-256 of a corpus file.

    Raises:
        UnavailableError: if it may not be read.
    """
    try:
        return sha256(path)
    except OSError as error:
        raise UnavailableError(f"{path}: cannot read ({error.strerror or error})") from error


def _compare(where: str, found: str, source: Source) -> None:
    if found != source.sha256:
        raise DataError(
            f"{where}: found SHA-256 {found[:12]}...; expected {source.sha256[:12]}...: the file was changed or "
            "truncated, fetch it again"
        )


def _downloaded(relative: str, source: Source) -> bytes:
    data = os.environ.get("FINKD_DATA")
    where = f"{relative}: not in FINKD_DATA ({data or 'not set'}) nor in the cache ({cache_folder()})"
    todo = "set FINKD_DATA to a folder that holds it"
    if source.url is None:
        raise UnavailableError(f"{where}, and no origin has this very file; {todo}")
    if is_offline():
        raise UnavailableError(f"{where}, and HF_HUB_OFFLINE forbids a download; {todo}")
    try:
        with urllib.request.urlopen(source.url, timeout=TIMEOUT_SECONDS) as answer:
            raw: bytes = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(f"{where}, and the download failed ({error}: {source.url}); {todo}") from error
    _compare(source.url, hashlib.sha256(raw).hexdigest(), source)
    return raw
