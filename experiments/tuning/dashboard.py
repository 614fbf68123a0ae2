"""Optuna's dashboard over the studies of a folder, for this machine alone."""

from __future__ import annotations

import ipaddress
import socketserver
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from optuna.artifacts import FileSystemArtifactStore
from optuna_dashboard import wsgi

from corpora.errors import ConfigError, FinkdError
from experiments.tuning import storage

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class ServeError(FinkdError, OSError):
    """An address that cannot be listened at."""


def serve(
    url: str | None,
    runs: Path,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    force: bool = False,
    tell: Callable[[str], None] = print,
) -> None:
    """Serve the dashboard until it is interrupted.

    Args:
        url: the storage; default ``studies.db`` in ``runs``.
        runs: folder of the studies.
        host: address to listen at.
        port: port to listen at; 0 takes a free one.
        force: whether the address may be one that other machines reach.
        tell: called with each line for the user.

    Raises:
        ConfigError: if the address is not of this machine alone, and not forced.
        StoreError: if there is no such storage.
        ServeError: if the address is in use or none of this machine's.
    """
    is_local = _is_loopback(host)
    if not is_local and not force:
        raise ConfigError(
            f"--host: {host} can be reached by other machines, and the dashboard asks nobody for a password; "
            "use 127.0.0.1 and an SSH tunnel, or --force"
        )
    storage.quiet()
    opened = storage.connect(url or storage.default_url(runs / "any"))
    folder = storage.artifact_folder(runs)
    folder.mkdir(parents=True, exist_ok=True)
    app = wsgi(opened, FileSystemArtifactStore(folder))
    try:
        server = make_server(host, port, app, _Server, _Handler)
    except OSError as error:
        raise ServeError(f"--port: cannot listen at {host}:{port} ({error.strerror or error}); name another") from error
    with server:
        if is_local:
            server.set_app(Guard(app))
        else:
            tell(f"warning: anyone who reaches {host}:{server.server_port} may read, change and delete the studies")
        tell(f"the studies are at http://{host}:{server.server_port}/dashboard (Ctrl-C ends it)")
        server.serve_forever()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Turns away what other web pages make a browser send: the dashboard itself looks neither at Host nor at Origin.

    Any port will do, since a tunnel may have another one at its other end.

    Args:
        app: the dashboard.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        host = environment.get("HTTP_HOST", "")
        is_ours = _is_loopback(urlsplit(f"//{host}").hostname or "")
        is_own_page = environment.get("HTTP_ORIGIN", f"http://{host}") == f"http://{host}"
        if is_ours and is_own_page and environment.get("HTTP_SEC_FETCH_SITE", "none") in ("none", "same-origin"):
            return self.app(environment, start)
        start("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"finkd: this page answers this machine's own browser alone\n"]


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing of each request."""
