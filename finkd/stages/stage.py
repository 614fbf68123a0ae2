"""What a stage is and what it may ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.data.raw_text import RawText
from finkd.models.model import Model
from finkd.progress import Listener, Progress
from finkd.store import Store
from finkd.system.precision import Precision
from finkd.training.checkpoints import Checkpoints

CHECKPOINT_SECONDS = 60.0

Head = Literal["labels", "words", "kept"]
"""What a model scores after a stage: the labels of the corpus, the words that could be here, or what it did before."""

Source = Literal["gold", "text", "general"]
"""What a stage reads: the labelled sentences of the corpus, raw text of the domain, or raw text of any kind."""


@dataclass(frozen=True)
class TaughtBy:
    """A finished model that students learn from.

    Attributes:
        key: content address of its last stage.
        load: reads it.
        head: what it scores.
    """

    key: str
    load: Callable[[], Model]
    head: Head = "labels"


def _no_ancestor(strategy: str) -> TaughtBy:
    raise ConfigError(f"distill.teacher: there is no model to make {strategy!r} from; run it in an experiment")


@dataclass(frozen=True)
class Context:
    """What a stage may use beside the model that it is given.

    Attributes:
        train: labelled sentences.
        labels: IOB2 labels of the corpus.
        corpus: fingerprint of the labelled corpus.
        seed: seed of everything random.
        store: where partial results, such as a teacher's labels, are kept.
        text: unlabelled text of the domain, if there is any.
        general: unlabelled text of any kind, if there is any.
        teacher: the tagger to learn from, if there is one.
        precision: as in ``training.Schedule``, resolved.
        listen: called after every training step.
        checkpoint_seconds: time between two checkpoints of a training.
        checkpoints: of the stage that runs.
        look: called with the model after every training step.
        ancestor: a strategy, or ``"origin"`` -> the model that it makes of the experiment's teacher as it came.
    """

    train: Sequence[Sentence]
    labels: tuple[str, ...]
    corpus: str
    seed: int
    store: Store
    text: RawText | None = None
    general: RawText | None = None
    teacher: TaughtBy | None = None
    precision: Precision = "fp32"
    listen: Listener | None = field(default=None, compare=False)
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    checkpoints: Checkpoints | None = field(default=None, compare=False)
    look: Callable[[Model, Progress], None] | None = field(default=None, compare=False)
    ancestor: Callable[[str], TaughtBy] = field(default=_no_ancestor, compare=False)

    def sentences(self, source: Source) -> Sequence[Sentence]:
        """The labelled sentences, or raw ones."""
        if source == "gold":
            return self.train
        text = self._raw(source)
        assert text is not None  # its fingerprint was asked for first
        return text.draw()

    def source_fingerprint(self, source: Source, stage: str) -> Any:
        """Everything that decides those sentences.

        Raises:
            ConfigError: if the experiment has no raw text of this kind.
        """
        if source == "gold":
            return self.corpus
        text = self._raw(source)
        if text is None:
            example = {"text": "financial-text", "general": "general-text"}[source]
            raise ConfigError(
                f"{stage}:{source}: the experiment has no unlabelled text for it; "
                f"set {source!r}, such as --set '{source}={{corpus: {example}, sentences: 3000}}'"
            )
        return text.fingerprint

    def _raw(self, source: Source) -> RawText | None:
        return self.general if source == "general" else self.text


class Stage(Protocol):
    """One step of a strategy. Implementations are frozen dataclasses, so that a config is a stage.

    Attributes:
        version: raised whenever the same settings would give another result, so that stored results are not mistaken.
        head: what the new model scores.
    """

    version: ClassVar[int]

    @property
    def head(self) -> Head:
        """What the new model scores."""

    def depends(self, context: Context) -> dict[str, Any]:
        """What of the context decides the result; part of its address in the store."""

    def run(self, model: Model, context: Context) -> tuple[Model, int]:
        """The new model, and the number of non-padding tokens it was trained on. The model given is not changed."""


@runtime_checkable
class Selection(Protocol):
    """A stage that decides what the stages after it read."""

    def narrowed(self, context: Context) -> Context:
        """What they may use."""
