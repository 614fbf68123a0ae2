"""The databases of studies: SQLite on one machine, PostgreSQL (or Optuna's gRPC proxy before it) for several."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.artifacts import FileSystemArtifactStore
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, GrpcStorageProxy, RDBStorage
from sqlalchemy import create_engine, event, func, inspect, select
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from finkd.corpora.errors import ConfigError, StoreError, first_line
from finkd.experiments.tuning.addresses import check_exists, parsed

HEARTBEAT_SECONDS, GRACE_SECONDS = 30, 120
_LOCK_TIMEOUT = 120
"""Seconds that a process waits for others to let go of a SQLite file."""
_ADVISORY = 0x66696E6B64
"""Number of the lock in PostgreSQL: "finkd" in ASCII."""


def artifacts(out: Path) -> FileSystemArtifactStore:
    """Files that trials show, kept beside the default database."""
    folder = artifact_folder(out.parent)
    folder.mkdir(parents=True, exist_ok=True)
    return FileSystemArtifactStore(folder)


def artifact_folder(root: Path) -> Path:
    """Return where the studies below a folder keep the files that their trials show."""
    return root / "artifacts"


def connect(url: str, *, create: bool = False) -> BaseStorage:
    """Open a storage.

    Args:
        url: ``sqlite:///FILE``, ``postgresql+psycopg://USER@HOST/DATABASE`` or ``grpc://HOST:PORT``.
        create: whether to make the file and its tables if there are none. Processes that do so at once hinder each
            other, so one does it before the others begin.

    Raises:
        ConfigError: if the address is none, or a driver is not installed.
        StoreError: if the database cannot be reached, or is not there and not to be made.
    """
    parts = parsed(url)
    if parts.drivername == "grpc":
        with _explained(parts):
            return GrpcStorageProxy(host=parts.host or "localhost", port=parts.port or 13000)
    if not create:
        _check_tables(url)
    with _explained(parts):
        options: dict[str, object] = {"pool_pre_ping": True}
        if parts.get_backend_name() == "sqlite":
            if create:
                _make(Path(parts.database or ""))
            options = {"connect_args": {"timeout": _LOCK_TIMEOUT}}
        storage = RDBStorage(
            url.replace("{", "{{").replace("}", "}}"),  # Optuna fills it in by str.format
            engine_kwargs=options,
            heartbeat_interval=HEARTBEAT_SECONDS,
            grace_period=GRACE_SECONDS,
            skip_table_creation=not create,
        )
    if parts.get_backend_name() == "sqlite":
        event.listen(storage.engine, "begin", _begin_to_write)
    return storage


@contextmanager
def one_at_a_time(url: str) -> Iterator[None]:
    """Hold a lock of a PostgreSQL database, so that commands of several machines begin a study one after the other.

    Commands that make the tables at once break each other, and each would queue the configuration's own values. Other
    storages have no such lock.

    Raises:
        ConfigError: if a driver is not installed.
        StoreError: if the database cannot be reached.
    """
    parts = parsed(url)
    if parts.get_backend_name() != "postgresql":
        yield
        return
    with _explained(parts):
        connection = create_engine(url, poolclass=NullPool).connect()
    with connection:
        connection.execute(select(func.pg_advisory_lock(_ADVISORY)))
        yield


def _check_tables(url: str) -> None:
    """Check that a study was begun in a database.

    Raises:
        StoreError: if not, or if it cannot be reached.
    """
    check_exists(url)
    with _explained(parsed(url)):
        is_begun = inspect(create_engine(url, poolclass=NullPool)).has_table("studies")
    if not is_begun:
        where = parsed(url).render_as_string(hide_password=True)
        raise StoreError(f"{where}: there is no study yet; begin one with 'finkd tune CONFIG --storage ...'")


def _begin_to_write(connection: Connection) -> None:
    """Let one process at a time look at a trial and take it.

    Optuna asks for this by SELECT FOR UPDATE, which SQLite does not have: two processes could take the same trial.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _make(path: Path) -> None:
    """Make a SQLite file with its folder, in which readers do not wait for writers (write-ahead log)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path, timeout=_LOCK_TIMEOUT) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


@contextmanager
def _explained(parts: URL) -> Iterator[None]:
    """Report errors of a database in one line."""
    where = parts.render_as_string(hide_password=True)
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"--storage: {where} needs a package that is not installed ({error}): psycopg[binary] for "
            "postgresql+psycopg://, grpcio and protobuf for grpc://"
        ) from error
    except (SQLAlchemyError, sqlite3.Error, OSError, RuntimeError) as error:
        reason = first_line(getattr(error, "orig", None) or error)
        raise StoreError(f"{where}: cannot be used ({reason})") from error


def quiet() -> None:
    """Silence Optuna about its trials, which finkd shows itself, and about experimental features."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=ExperimentalWarning)
