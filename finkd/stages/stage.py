"""The base class of stages, and the context that they run in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, NamedTuple, Self

from finkd.corpora.errors import ConfigError
from finkd.corpora.registry import unknown
from finkd.corpora.sentence import Sentence
from finkd.data.raw_text import RawText
from finkd.losses.term import Loss
from finkd.machine.precision import Precision
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.progress import Listener
from finkd.store import Store
from finkd.teachers.teacher import Teacher
from finkd.training.callbacks import Look
from finkd.training.checkpoints import Checkpoints
from finkd.training.schedule import Schedule

CHECKPOINT_SECONDS = 60.0
TAGGER, ORIGIN = "tagger", "origin"
"""Teachers that no strategy has to make: the experiment's, and the model that it begins with."""

Source = Literal["gold", "text", "general"]
"""What a stage reads: the labelled sentences of the corpus, raw text of the domain, or raw text of any kind."""


def _no_strategy_teacher(strategy: str) -> Teacher:
    raise ConfigError(f"distill.teacher: there is no model to make {strategy!r} from; run it in an experiment")


def _same(context: Context) -> Context:
    return context


@dataclass(frozen=True)
class Context:
    """Data, teachers and store that a stage may use beside the model that it is given.

    Attributes:
        train: labelled sentences.
        labels: IOB2 labels of the corpus.
        corpus: fingerprint of the labelled corpus.
        seed: seed of everything random.
        store: where partial results, such as a teacher's labels, are kept.
        text: unlabelled text of the domain, if there is any.
        general: unlabelled text of any kind, if there is any.
        held_out: labelled sentences that no stage learns from.
        held_out_text: raw text that no stage reads.
        student: what is known of the model that a stage is given, if anything is.
        teacher: the tagger to learn from, if there is one.
        taggers: every tagger that a stage can name to learn from.
        precision: as in ``training.Schedule``, resolved.
        listen: called after every training step.
        checkpoint_seconds: time between two checkpoints of a training.
        checkpoints: of the stage that runs.
        look: called with the model after every training step.
        strategy_teacher: a strategy, or ``"origin"`` -> the model that it makes of the experiment's teacher as it came.
        with_strategy_teachers: the same for another context, of which those models are made then.
    """

    train: Sequence[Sentence]
    labels: tuple[str, ...]
    corpus: str
    seed: int
    store: Store
    text: RawText | None = None
    general: RawText | None = None
    held_out: Sequence[Sentence] = ()
    held_out_text: RawText | None = None
    student: ModelSpec | None = field(default=None, compare=False)
    teacher: Teacher | None = None
    taggers: Mapping[str, Teacher] = field(default_factory=dict, compare=False)
    precision: Precision = "fp32"
    listen: Listener | None = field(default=None, compare=False)
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    checkpoints: Checkpoints | None = field(default=None, compare=False)
    look: Look | None = field(default=None, compare=False)
    strategy_teacher: Callable[[str], Teacher] = field(default=_no_strategy_teacher, compare=False)
    with_strategy_teachers: Callable[[Context], Context] = field(default=_same, compare=False)

    def inputs(self, *names: str) -> dict[str, Any]:
        """Some of these attributes by name, for ``Stage.cache_inputs``."""
        return {name: getattr(self, name) for name in names}

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

    def teacher_named(self, name: str, setting: str) -> Teacher:
        """A teacher by its name (``Stage.teachers``).

        Args:
            name: of the teacher.
            setting: what names it, for messages.

        Raises:
            ConfigError: if it is the experiment's tagger, and there is none.
        """
        if name != TAGGER:
            return self.strategy_teacher(name)
        if self.teacher is None:
            raise ConfigError(f"{setting}: no system has the role 'teacher'; add one, or name a strategy")
        return self.teacher

    def tagger(self, name: str, setting: str) -> Teacher:
        """A tagger to learn from.

        Args:
            name: of a system of role ``teacher``; empty for the one of the system that learns.
            setting: what names it, for messages.

        Raises:
            ConfigError: if there is none.
        """
        if not name:
            return self.teacher_named(TAGGER, setting)
        if not self.taggers:
            raise ConfigError(f"{setting}: only a system of an experiment, trained with the run's seed, can name one")
        if name not in self.taggers:
            raise ConfigError(f"{setting}: {unknown('systems of role teacher', name, list(self.taggers))}")
        return self.taggers[name]

    def _raw(self, source: Source) -> RawText | None:
        return self.general if source == "general" else self.text


@dataclass(frozen=True)
class Training:
    """Schedule and text of a stage that trains, for budgets and estimates.

    Attributes:
        schedule: how long and how fast.
        source: what is read.
        copies: of each sentence, read beside it.
        has_teacher: whether a teacher reads the text too.
        in_turn: whether each part of the text is read by one member of an ensemble.
        caches_teacher: whether it reads it once, however many epochs there are.
        state_bytes: bytes of each number of the teacher's hidden states that are kept on disk; 0 if none are.
    """

    schedule: Schedule
    source: Source = "gold"
    copies: int = 0
    has_teacher: bool = False
    in_turn: bool = False
    caches_teacher: bool = False
    state_bytes: int = 0


class StageResult(NamedTuple):
    """Result of a stage.

    Attributes:
        model: the new one.
        tokens: non-padding tokens that it was trained on.
    """

    model: Model
    tokens: int = 0


class Stage(ABC):
    """One step of a strategy. Implementations are frozen dataclasses, so that a configuration is a stage.

    A stage says before any work what it needs and what it makes; only ``run`` and ``version`` have no default.

    Attributes:
        version: raised whenever the same settings would give another result, so that stored results are not mistaken.
        makes_smaller: whether the new model is smaller, so that stages from here on count as those of a student.
    """

    version: ClassVar[int]
    makes_smaller: ClassVar[bool] = False

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that the stage can follow those before it.

        Args:
            spec: what is known of the model that it is given.

        Returns:
            what is known of the model that it makes.

        Raises:
            ConfigError: if it cannot, or its settings do not fit each other.
        """
        return spec

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """Return the parts of the context that determine the result, for its address in the store.

        Raises:
            ConfigError: if the context lacks something that the stage needs.
        """
        return {}

    def teachers(self) -> tuple[str, ...]:
        """Names of the models that it learns from: ``"tagger"``, ``"origin"``, or strategies that make one."""
        return ()

    @property
    def training(self) -> Training | None:
        """Schedule and text of its training; ``None`` if it trains nothing."""
        return None

    @property
    def sources(self) -> frozenset[Source]:
        """Sources of text that it reads."""
        return frozenset() if self.training is None else frozenset({self.training.source})

    def selected(self) -> Mapping[Source, float]:
        """Fraction of a source that the stages after it read, if it selects."""
        return {}

    def reserved(self, context: Context) -> Context:
        """Return the context of all stages of its strategy, which this one may keep from some of the text."""
        return context

    def narrowed(self, context: Context) -> Context:
        """Return the context of the stages after it."""
        return context

    def terms(self) -> list[Loss]:
        """Its loss terms.

        Raises:
            ConfigError: if a setting of a term is wrong, or the stage cannot compute what a term requires.
            UnknownNameError: if a term is unknown.
        """
        return []

    def rescheduled(self, **changes: float) -> Self:
        """The same stage with changes of its schedule; only for one that trains."""
        assert self.training is not None
        return replace(self, schedule=replace(self.training.schedule, **changes))  # type: ignore[type-var,arg-type]

    @abstractmethod
    def run(self, model: Model, context: Context) -> StageResult:
        """Make the new model. The model given is not changed."""
