"""Run one strategy beside its teacher, for the scripts of this folder."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from finkd.experiments.cli import Script
from finkd.experiments.commands.run import CheckpointSeconds, DryRun, Jobs, Out, run
from finkd.experiments.console.options import Json, Overrides, Seeds, Threads
from finkd.strategies import strategies

CONFIG = Path(__file__).parents[1] / "configs" / "strategies-financial.yaml"
TINY = (
    "corpus=sample",
    "split=test",
    "text={corpus: sample-text, sentences: 300, max_words: 60, sources: null}",
    "general={corpus: sample-text, sentences: 300, max_words: 60, seed: 1}",
    "stages.replace-vocabulary={start: scratch, size: 3000}",
    *(f"stages.{stage}.schedule.batch_tokens=128" for stage in ("task-distill:gold", "finetune")),
    "systems.teacher.strategy=finetune",
)
"""Settings under which an ordering ends within minutes, on the corpus that ships with finkd."""

Tiny = Annotated[
    bool,
    typer.Option("--tiny", help="The sample corpus and short trainings: one to three minutes, no data needed."),
]


def main(strategy: str) -> None:
    """Run the configuration of all orderings, restricted to one and its teacher.

    Args:
        strategy: its name in the configuration; results go to ``runs/<strategy>`` if nothing else is said.
    """

    def ordering(
        context: typer.Context,
        tiny: Tiny = False,
        overrides: Overrides = None,
        out: Out = None,
        seeds: Seeds = None,
        checkpoint_seconds: CheckpointSeconds = 60,
        jobs: Jobs = 1,
        dry_run: DryRun = False,
        threads: Threads = None,
        json: Json = False,
    ) -> None:
        settings = [f"name={strategy}-tiny", *TINY] if tiny else [f"name={strategy}"]
        run(
            context,
            str(CONFIG),
            overrides=[*settings, *(overrides or [])],
            out=out,
            seeds=seeds,
            only=[strategy],
            checkpoint_seconds=checkpoint_seconds,
            jobs=jobs,
            dry_run=dry_run,
            threads=threads,
            json=json,
        )

    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command(cls=Script, help=_about(strategy))(ordering)
    app()


def _about(name: str) -> str:
    """The help text of a strategy's script."""
    strategy, summary = strategies.get(name), strategies.entries()[name].summary
    text = f"""
        Run the strategy {name!r} beside its fine-tuned teacher: {summary}.

        Stages: {strategy.text}

        Source: {strategy.source}

        Settings: {CONFIG.name}; results go to runs/{name}.

        Example: python experiments/strategies/{name.replace("-", "_")}.py --tiny
    """
    return textwrap.dedent(text).strip()
