"""Optuna's dashboard over the studies of a folder, for this machine alone."""

from __future__ import annotations

import socketserver
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from optuna.artifacts import FileSystemArtifactStore
from optuna_dashboard import wsgi

from finkd.corpora.errors import FinkdError
from finkd.experiments.console.loopback import answers_to, is_loopback
from finkd.experiments.tuning import storage

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class ServeError(FinkdError, OSError):
    """An address that cannot be listened at."""


def serve(
    url: str,
    runs: Path,
    host: str,
    port: int,
    tell: Callable[[str], None],
    names: Collection[str],
) -> None:
    """Serve the dashboard until it is interrupted.

    Args:
        url: the storage.
        runs: folder of the studies.
        host: address to listen at; ``addresses.check_host`` says whether other machines reach it.
        port: port to listen at; 0 takes a free one.
        tell: called with each line for the user.
        names: host names of requests that are answered, beside this machine's own; without any, an address that other
            machines reach answers all.

    Raises:
        StoreError: if there is no such storage.
        ServeError: if the address is in use or none of this machine's.
    """
    storage.quiet()
    opened = storage.connect(url)
    folder = storage.artifact_folder(runs)
    folder.mkdir(parents=True, exist_ok=True)
    app = wsgi(opened, FileSystemArtifactStore(folder))
    try:
        server = make_server(host, port, app, _Server, _Handler)
    except OSError as error:
        raise ServeError(f"--port: cannot listen at {host}:{port} ({error.strerror or error}); name another") from error
    with server:
        if is_loopback(host) or names:
            server.set_app(OriginCheck(app, names))
        if not is_loopback(host):
            tell(f"warning: anyone who reaches {host}:{server.server_port} may read, change and delete the studies")
        tell(f"the studies are at http://{host}:{server.server_port}/dashboard (Ctrl-C ends it)")
        server.serve_forever()


class OriginCheck:
    """Turns away what other web pages make a browser send: the dashboard itself looks neither at Host nor at Origin.

    Args:
        app: the dashboard.
        names: host names that are answered, beside this machine's own.
    """

    def __init__(self, app: WSGIApplication, names: Collection[str]) -> None:
        self.app = app
        self.names = names

    def __call__(self, environment: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        host = environment.get("HTTP_HOST", "")
        is_ours = answers_to(host, self.names)
        is_own_page = environment.get("HTTP_ORIGIN", f"http://{host}") == f"http://{host}"
        if is_ours and is_own_page and environment.get("HTTP_SEC_FETCH_SITE", "none") in ("none", "same-origin"):
            return self.app(environment, start)
        start("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"finkd: this page answers neither other host names nor other pages\n"]


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing of each request."""
