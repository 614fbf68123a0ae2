"""``finkd tune``: better settings for one system, searched for by Optuna."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands.run import Overrides
from experiments.terminal import say, show_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from experiments.tuning.crew import Outcome
    from experiments.tuning.search import Goal


def tune(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file with a section 'search'.")],
    trials: Annotated[
        int, typer.Option(min=1, help="Finished trials that the study shall have; earlier ones count.")
    ] = 30,
    workers: Annotated[
        int, typer.Option(min=1, help="Trials at once, each in a process with its share of the cores.")
    ] = 1,
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
    json: Annotated[bool, typer.Option("--json", help="Print the files written as JSON.")] = False,
) -> None:
    """Search for settings that score better on the validation split; the best become a configuration for 'finkd run'.

    The first trial has the configuration's own settings. Stages that trials share are computed once. A study that was
    interrupted or killed goes on with the same command.

    Example: finkd tune experiments/configs/tune.yaml --trials 6
    """
    from experiments.tuning.search import load_plan
    from experiments.tuning.tune import tune as run_study

    plan = load_plan(config, overrides or [])
    written = run_study(plan, trials, workers, storage, out, _Lines(plan.search.goals))
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


class _Lines:
    """One line for each trial that has ended."""

    def __init__(self, goals: Sequence[Goal]) -> None:
        self.goals = goals
        self.best: tuple[float, int] | None = None

    def __call__(self, outcome: Outcome) -> None:
        """Show a trial."""
        say(f"trial {outcome.number}: {self._ending(outcome)}")

    def _ending(self, outcome: Outcome) -> str:
        if not outcome.values:
            return outcome.reason or "stopped, worse than most"
        figures = ", ".join(f"{goal} {value:.4g}" for goal, value in zip(self.goals, outcome.values, strict=True))
        if len(self.goals) > 1:
            return figures
        value = outcome.values[0] if self.goals[0] == "f1" else -outcome.values[0]
        if self.best is None or value > self.best[0]:
            self.best = value, outcome.number
        return f"{figures} (best {abs(self.best[0]):.4g}, trial {self.best[1]})"
