"""Another head for a tagger that was trained for other labels."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from finkd.corpora.errors import ConfigError
from finkd.models.heads import with_head
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.settings import shown
from finkd.stages.stage import Context, Stage, StageResult


@dataclass(frozen=True)
class ReplaceHead(Stage):
    """Start from a tagger whose labels are not the corpus's: with other names, in another order, or more of them.

    Attributes:
        head: ``"map"`` keeps the rows of the head that score the corpus's labels; ``"drop"`` keeps the encoder alone.
        labels: type of the tagger -> type of the corpus, where their names differ.
    """

    head: Literal["map", "drop"] = "map"
    labels: Mapping[str, str] = field(default_factory=dict)
    version: ClassVar[int] = 1

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that the head scores the labels of the corpus; the new model has no others."""
        if self.head == "drop":
            return replace(spec, head="none", labels=())
        if spec.head != "labels" or spec.corpus_labels is None:
            raise ConfigError("replace-head: needs a tagger and a labelled corpus")
        self._rows(spec.labels, spec.corpus_labels)
        return replace(spec, labels=spec.corpus_labels)

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """The labels of the corpus."""
        return {"corpus_labels": context.labels}

    def run(self, model: Model, context: Context) -> StageResult:
        """The model with its new head, or without any."""
        bare = Model(copy.deepcopy(model.encoder), model.tokenizer)
        if self.head == "drop":
            return StageResult(bare)
        if not model.labels:
            raise ConfigError("replace-head: needs a tagger and a labelled corpus")
        rows = self._rows(model.labels, context.labels)
        made = with_head(bare, context.labels, context.seed)
        kept, body = made.network.state_dict(), f"{model.network.base_model_prefix}."
        for name, weight in model.network.state_dict().items():
            is_output = not name.startswith(body) and len(weight) == len(model.labels)
            kept[name] = weight[rows] if is_output else weight
        made.network.load_state_dict(kept)
        return StageResult(made)

    def _rows(self, theirs: Sequence[str], ours: Sequence[str]) -> list[int]:
        """Return the output of the tagger that scores each label of the corpus."""
        types = {new: old for old, new in self.labels.items()}
        wanted = [_renamed(label, types) for label in ours]
        if missing := [label for label in wanted if label not in theirs]:
            raise ConfigError(
                f"replace-head.labels: the tagger has no {shown(', '.join(missing))}; it has "
                f"{shown(', '.join(theirs))}: name its types (labels={{PERSON: PER}}), or drop its head (head=drop)"
            )
        return [theirs.index(label) for label in wanted]


def _renamed(label: str, types: Mapping[str, str]) -> str:
    prefix, dash, type_ = label.partition("-")
    return f"{prefix}{dash}{types.get(type_, type_)}"
