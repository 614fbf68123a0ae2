"""``finkd tune`` and ``finkd dashboard``: search for better settings of one system, and show the studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finkd.experiments.console.options import Json, Overrides, Threads
from finkd.experiments.console.terminal import messages, say, show_json
from finkd.experiments.extras import check_extra


def tune(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file with a section 'search', or its name.")],
    trials: Annotated[int, typer.Option(min=1, help="Finished trials to reach; those of earlier runs count.")] = 30,
    workers: Annotated[int, typer.Option(min=1, help="Trials at once, each in its own process.")] = 1,
    retries: Annotated[int, typer.Option(min=0, help="Number of times that a failed trial is repeated.")] = 2,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Database of the study. (default: sqlite, studies.db beside the study's folder)"
        ),
    ] = None,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the study. (default: runs/NAME)")] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Search for settings that score better on the validation split; the best become a configuration for 'finkd run'.

    The first trial has the configuration's own settings. Stages that trials share are computed once. A study that was
    interrupted or killed goes on with the same command.

    Example: finkd tune tune --trials 6
    """
    check_extra("tune")
    from finkd.experiments.tuning.addresses import parsed
    from finkd.experiments.tuning.search import load_plan

    if storage is not None:
        parsed(storage)
    plan = load_plan(config, overrides or [], find=True)

    from finkd.experiments.tuning.display import shown
    from finkd.experiments.tuning.tune import tune as run_study

    with shown(messages, plan.search.goals) as tell:
        written = run_study(plan, trials, workers, storage, out, tell, retries)
    if json:
        show_json({"written": [str(path) for path in written]})
        return
    for path in written:
        if path.suffix == ".md":
            typer.echo(path.read_text(encoding="utf-8"))
    for path in written:
        say(f"wrote {path}")
    if written:
        say(f"finkd run {written[0]} trains with these settings; finkd dashboard shows every trial")


def dashboard(
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="Database. (default: sqlite, RUNS/studies.db)")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder that holds the folders of the studies.")] = Path("runs"),
    host: Annotated[str, typer.Option(help="Address to listen at; others' need --force.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
    force: Annotated[
        bool,
        typer.Option("--force", help="Listen at an address that others can reach: anyone there may change studies."),
    ] = False,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="With --force: answer requests for this host name alone; may be repeated.",
        ),
    ] = None,
) -> None:
    """Show the studies with their trials, tables and learning curves (optuna-dashboard), until Ctrl-C.

    Example: finkd dashboard --port 8081
    """
    check_extra("tune")
    from finkd.experiments.tuning.addresses import check_exists, check_host, default_url

    url = storage or default_url(runs / "any")
    if not force:
        check_host(host)
    check_exists(url)

    from finkd.experiments.tuning.dashboard import serve

    serve(url, runs, host, port, say, names or ())
