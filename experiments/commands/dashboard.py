"""``finkd dashboard``: the studies in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finkd.experiments.console.terminal import say


def dashboard(
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="Database of the studies. (default: sqlite, RUNS/studies.db)")
    ] = None,
    runs: Annotated[
        Path, typer.Option(help="Folder that holds the studies' folders and what their trials show.")
    ] = Path("runs"),
    host: Annotated[
        str, typer.Option(help="Address to listen at; others than this machine's own need --force.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
    force: Annotated[
        bool,
        typer.Option("--force", help="Listen at an address that others can reach: anyone there may change studies."),
    ] = False,
) -> None:
    """Show the studies with their trials, tables and learning curves (optuna-dashboard), until Ctrl-C.

    Example: finkd dashboard --port 8081
    """
    from finkd.experiments.tuning.addresses import check_exists, check_host, default_url

    url = storage or default_url(runs / "any")
    if not force:
        check_host(host)
    check_exists(url)

    from finkd.experiments.tuning.dashboard import serve

    serve(url, runs, host, port, say)
