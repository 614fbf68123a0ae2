"""Addresses of databases and of the dashboard, checked before Optuna is imported."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from finkd.corpora.errors import ConfigError, StoreError
from finkd.experiments.console.loopback import is_loopback


def default_url(out: Path) -> str:
    """Return the database beside the folders of studies and runs, which holds the studies of all of them."""
    return f"sqlite:///{quote(str((out.parent / 'studies.db').absolute()))}"


def parsed(url: str) -> URL:
    """Return the parts of a database's address.

    Raises:
        ConfigError: if it is none, or of a database that studies cannot be kept in.
    """
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            "--storage: expected an address such as sqlite:///runs/studies.db or "
            "postgresql+psycopg://user@host/database"
        ) from error
    if parts.drivername not in ("sqlite", "grpc") and parts.get_backend_name() != "postgresql":
        raise ConfigError(f"--storage: expected sqlite, postgresql or grpc (got {parts.drivername!r})")
    if parts.drivername == "sqlite" and parts.database in (None, "", ":memory:"):
        raise ConfigError("--storage: a study in memory is lost with its process; name a file, as sqlite:///FILE")
    return parts


def is_local(url: str) -> bool:
    """Return whether only processes of this machine can use a storage."""
    return parsed(url).get_backend_name() == "sqlite"


def check_exists(url: str) -> None:
    """Check that a database file exists.

    Raises:
        ConfigError: if the address is none.
        StoreError: if its file is missing.
    """
    parts = parsed(url)
    path = Path(parts.database or "")
    if parts.get_backend_name() == "sqlite" and not path.is_file():
        raise StoreError(f"{path}: there is no study yet; begin one with 'finkd tune CONFIG', or name a --storage")


def check_host(host: str) -> None:
    """Check that a host to listen at is reached from this machine alone.

    Raises:
        ConfigError: if others do.
    """
    if not is_loopback(host):
        raise ConfigError(
            f"--host: {host} can be reached by other machines, and the dashboard asks nobody for a password; "
            "use 127.0.0.1 and an SSH tunnel, or --force"
        )
