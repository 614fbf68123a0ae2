"""``finkd tune``: better settings for one system, searched for by Optuna."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finkd.experiments.commands.run import Overrides
from finkd.experiments.console.terminal import messages, say, show_json
from finkd.experiments.console.threads import Threads


def tune(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file with a section 'search'.")],
    trials: Annotated[
        int, typer.Option(min=1, help="Finished trials that the study shall have; earlier ones count.")
    ] = 30,
    workers: Annotated[
        int, typer.Option(min=1, help="Trials at once, each in a process with its share of the cores.")
    ] = 1,
    retries: Annotated[
        int, typer.Option(min=0, help="How often a trial is repeated whose process died or that failed.")
    ] = 2,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Database of the study. (default: sqlite, studies.db beside the study's folder)"
        ),
    ] = None,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the trials and the best settings. (default: runs/NAME)")
    ] = None,
    threads: Threads = None,
    json: Annotated[bool, typer.Option("--json", help="Print the files written as JSON.")] = False,
) -> None:
    """Search for settings that score better on the validation split; the best become a configuration for 'finkd run'.

    The first trial has the configuration's own settings. Stages that trials share are computed once. A study that was
    interrupted or killed goes on with the same command.

    Example: finkd tune experiments/configs/tune.yaml --trials 6
    """
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
