"""Encoders that strategies make of a model without a labelled corpus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpora.errors import ConfigError
from experiments.events import Listener, Watch
from experiments.publish import publish
from finkd import lineage
from finkd.ancestors import Ancestors
from finkd.precision import resolve_precision
from finkd.raw_text import KeptText, Text
from finkd.stages.stage import Context
from finkd.store import Store
from finkd.strategies import parse


def make_encoder(
    strategy: str,
    out: Path,
    *,
    store: Store,
    teacher: str,
    text: Text,
    stages: Mapping[str, Mapping[str, Any]],
    seed: int,
    listen: Listener = lambda event: None,
) -> Path:
    """Run the stages of a strategy that need no labels, or take them from the store.

    Args:
        strategy: its stages in the textual form; none of them may need a labelled corpus.
        out: where the encoder is to be found; its name is what progress calls it.
        store: of finished stages.
        teacher: name or folder of the model to begin with, which stages also learn from.
        text: unlabelled text, for stages that read the domain's and for those that read any.
        stages: settings by stage or by stage and variant.
        seed: of everything random.
        listen: called as the work goes on.

    Returns:
        ``out``.

    Raises:
        ConfigError: if a stage needs labels.
    """
    steps = parse(strategy, stages)
    for step in steps:
        if step.stage.head == "labels":
            raise ConfigError(f"{step.name}: needs a labelled corpus; put this strategy into an experiment")
    watch = Watch(out.name, seed, listen)
    start = lineage.origin(teacher)
    kept = KeptText(text, store)
    context = Context(
        train=(),
        labels=(),
        corpus="",
        seed=seed,
        store=store,
        text=kept,
        general=kept,
        precision=resolve_precision("auto"),
        listen=watch.training,
    )
    ancestors = Ancestors(teacher, start, stages, watch.teaches)
    outcome = lineage.run(teacher, start, steps, ancestors.within(context), watch.begins)
    return publish(outcome.folder, out)
