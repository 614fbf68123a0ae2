"""One strategy on one model, outside an experiment."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finkd import corpora
from finkd.corpora.corpus import NerData
from finkd.corpora.errors import DataError
from finkd.corpora.files import check_replaceable
from finkd.data.raw_text import KeptText, RawText, Text
from finkd.execution import lineage
from finkd.execution.lineage import Outcome
from finkd.execution.teachers import Ancestors
from finkd.experiments.running.events import Listener, Watch, ignored
from finkd.experiments.running.publish import publish
from finkd.models import pretrained
from finkd.models.loading import load_model
from finkd.models.spec import ModelSpec, read_head
from finkd.stages.stage import Context
from finkd.store import Store
from finkd.strategies.parsing import parse
from finkd.system.precision import resolve_precision
from finkd.teachers.taught_by import TaughtBy

log = logging.getLogger(__name__)


def make(
    strategy: str,
    out: Path,
    *,
    store: Store,
    model: str,
    data: NerData | None = None,
    text: Text | RawText | None = None,
    teacher: TaughtBy | None = None,
    labels: tuple[str, ...] | None = None,
    stages: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 1,
    listen: Listener = ignored,
) -> Outcome:
    """Run the stages of a strategy on a model, or take them from the store.

    Args:
        strategy: its stages in the textual form.
        out: where the new model is to be found; its name is what progress calls it.
        store: of finished stages.
        model: name or folder of the model to begin with.
        data: a labelled corpus, of which the training split is read.
        text: unlabelled text, for stages that read the domain's and for those that read any.
        teacher: what stages learn from; by default the model that they begin with.
        labels: IOB2 labels to learn; by default those of the corpus.
        stages: settings by stage or by stage and variant.
        seed: of everything random.
        listen: called as the work goes on.

    Returns:
        the result in the store, which ``out`` shows.

    Raises:
        ConfigError: if a stage needs labels or text that is not given, or cannot follow those before it.
        DataError: if the corpus has no training split.
    """
    check_replaceable(out, pretrained.resolve(model))
    stages = stages or {}
    steps = parse(strategy, stages)
    if data is not None and not data.splits.get("train"):
        raise DataError(f"{data.name}: has no training split")
    if labels is None and data is not None:
        labels = corpora.label_names(data.types)
    steps.validate(ModelSpec.of(model, labels))
    watch = Watch(out.name, seed, listen)
    start = pretrained.fingerprint(model)
    if isinstance(text, Text):
        text = KeptText(text, store)
        if text.shortage:
            log.warning("text: %s", text.shortage)
    context = Context(
        train=data.splits["train"] if data else (),
        labels=labels or (),
        corpus=data.fingerprint if data else "",
        seed=seed,
        store=store,
        text=text,
        general=text,
        teacher=teacher or TaughtBy(start, lambda: load_model(model), read_head(model)),
        precision=resolve_precision("auto"),
        listen=watch.training,
    )
    ancestors = Ancestors(model, start, stages, watch.teaches)
    with store.in_use():
        outcome = lineage.run(model, start, steps, ancestors.within(context), watch.begins)
        assert outcome.folder is not None
        publish(outcome.folder, out)
        return outcome
