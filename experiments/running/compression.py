"""A model made smaller by one stage, beside itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finkd.compression.quantization import ENTRY
from finkd.corpora.corpus import NerData
from finkd.corpora.errors import ConfigError
from finkd.corpora.files import check_replaceable
from finkd.data.raw_text import Text
from finkd.evaluation.ner import evaluate
from finkd.experiments.configuration.checks import check_seeds
from finkd.experiments.configuration.layout import store_beside
from finkd.experiments.configuration.reading import overridden
from finkd.experiments.configuration.splits import has_labels, scored_split
from finkd.experiments.running.events import Listener, ignored
from finkd.experiments.running.single_strategy import checked
from finkd.models import pretrained
from finkd.models.loading import load_model
from finkd.records import Resources
from finkd.runtimes.resources import measure
from finkd.scores import NerScores, figures
from finkd.store import Store
from finkd.strategies.parsing import parse


@dataclass(frozen=True)
class Compressed:
    """A model before or after.

    Attributes:
        folder: where it lies.
        resources: its size.
        packed: bytes without zeros and unused bits, where there are some.
        scores: on the corpus that was named, if it is a tagger of it.
    """

    folder: Path
    resources: Resources
    packed: int | None
    scores: NerScores | None

    def figures(self) -> dict[str, Any]:
        """Return sizes and scores as JSON values."""
        scores = None if self.scores is None else figures(self.scores)
        return {
            "model": str(self.folder),
            "parameters": self.resources.parameters,
            "bytes": self.resources.bytes,
            "packed_bytes": self.packed,
            "scores": scores,
        }


def compress(
    model: str,
    stage: str,
    out: Path,
    *,
    overrides: Sequence[str] = (),
    heal: str | None = None,
    data: NerData | None = None,
    text: str | None = None,
    sentences: int = 3000,
    seed: int = 1,
    listen: Listener = ignored,
) -> dict[str, Compressed]:
    """Make a model smaller.

    Args:
        model: its name or folder.
        stage: what does it, such as ``"compress:prune"``.
        out: where the new model is to be found.
        overrides: ``key=value`` settings of the stage.
        heal: stages after it, which the model as it was teaches.
        data: a labelled corpus that is read, healed and scored on.
        text: an unlabelled corpus, by name or path.
        sentences: how many of its sentences are read.
        seed: of everything random.
        listen: called as the work goes on.

    Returns:
        ``"before"`` and ``"after"``.

    Raises:
        ConfigError: if a setting is wrong, or the method does not suit the model.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> sizes = finkd.compress("tagger", "compress:prune", Path("pruned"), overrides=["by=magnitude"])
        >>> sizes["after"].resources.parameters < sizes["before"].resources.parameters
        True
    """
    check_seeds([seed])
    strategy, stages = f"{stage} > {heal}" if heal else stage, {stage.partition("(")[0]: overridden({}, overrides)}
    if text and not any(step.stage.sources & {"text", "general"} for step in parse(strategy, stages)):
        raise ConfigError(f"--text: no stage of {strategy!r} reads unlabelled text; leave it out")
    check_replaceable(out, pretrained.resolve(model), text)
    slim = checked(
        strategy,
        store=Store(store_beside(out)),
        model=model,
        data=data,
        text=Text(text, sentences) if text else None,
        stages=stages,
        seed=seed,
    )
    slim.run(out, listen)
    return {"before": _looked_at(pretrained.resolve(model), data), "after": _looked_at(out, data)}


def _looked_at(folder: Path, data: NerData | None) -> Compressed:
    model = load_model(folder)
    found = measure({"model": (model, folder)}, (), queries=0)["model"]
    packed = getattr(model.network.config, ENTRY, None)
    if data is None or not has_labels(model.labels, data.types):
        return Compressed(folder, found, packed, None)
    split = data.splits[scored_split(data)]
    return Compressed(folder, found, packed, evaluate(split, model, data.types, data.roles))
