"""What the scripts of this folder do: run one ordering beside its teacher."""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.cli import app

CONFIG = Path(__file__).parents[1] / "configs" / "strategies-financial.yaml"
TINY = (
    "corpus=sample",
    "split=test",
    "text={corpus: sample-text, sentences: 100, max_words: 60, sources: null}",
    "general={corpus: sample-text, sentences: 100, max_words: 60, seed: 1}",
    "stages.retokenize={start: scratch, size: 1000}",
    *(
        f"stages.{stage}.schedule.epochs={epochs}"
        for stage, epochs in {
            "adapt": 1,
            "distill": 1,
            "task-distill:text": 1,
            "task-distill:gold": 0.5,
            "finetune": 0.5,
        }.items()
    ),
    *(f"stages.{stage}.schedule.batch_tokens=128" for stage in ("task-distill:gold", "finetune")),
    "systems.teacher.strategy=finetune",
)
"""Settings under which an ordering ends within a minute, on the corpus that ships with finkd."""


def main(strategy: str) -> None:
    """Run ``finkd run`` with the configuration of all orderings, restricted to one.

    Args:
        strategy: its name in the configuration; results go to ``runs/<strategy>`` if nothing else is said.
    """
    given = sys.argv[1:]
    settings = ["--set", f"name={strategy}"]
    if "--tiny" in given:
        given.remove("--tiny")
        settings = ["--set", f"name={strategy}-tiny"] + [part for each in TINY for part in ("--set", each)]
    app(["run", str(CONFIG), "--only", strategy, *settings, *given])
