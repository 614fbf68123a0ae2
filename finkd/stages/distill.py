"""An encoder learned from another's states and masked-LM logits, across tokenizers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from finkd.corpora.errors import ConfigError
from finkd.data.masking import masking_version, with_masking
from finkd.losses.term import MASKING, OF_WORDS, Requirement
from finkd.models.heads import with_masked_head
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Context, Source, StageResult, Training
from finkd.stages.training import LearningStage, Losses, examples, fit
from finkd.training.schedule import Schedule
from finkd.training.teacher_outputs import CachedHiddenStates, LiveTeacher, TeacherOutputs


@dataclass(frozen=True)
class Distill(LearningStage):
    """Train an encoder, before it knows any task, to compute what a larger one does.

    Terms that compare masked-LM logits need a teacher with a masked-LM head: ``teacher: masked-teacher`` trains one,
    with the settings of ``adapt`` in the config. Its students begin with the same stage, so that they inherit the head.

    Attributes:
        on: raw ``"text"`` of the domain, ``"general"`` text, or the ``"gold"`` sentences without their labels.
        teacher: ``"tagger"``, the experiment's system of the role teacher; ``"origin"``, the teacher as it came; or a
            strategy to make one from that.
        losses: loss term -> its settings, or the name of a recipe (``finkd list recipes``).
        masking: share of the words that are masked for both models, if a term needs masked text.
        rarity: 0 masks all words alike; above it rare ones more often (DistilBERT's script has .7).
        schedule: how long and how fast.
        cache_teacher_outputs: as in ``task-distill``.
    """

    on: Source = "text"
    teacher: str = "tagger"
    losses: Losses = field(default_factory=lambda: {"aligned-hidden-states": {}})
    masking: Annotated[float, Field(gt=0, lt=1)] = 0.15
    rarity: Annotated[float, Field(ge=0, le=1)] = 0.0
    schedule: Schedule = field(default_factory=lambda: Schedule(epochs=1.0, batch_tokens=4096, dropout=0.0))
    cache_teacher_outputs: bool | Literal["int8"] = False
    version: ClassVar[int] = 4
    refused: ClassVar[Requirement] = OF_WORDS
    why: ClassVar[str] = "compares labels, which a distilled encoder has not; use task-distill"

    @property
    def training(self) -> Training:
        """The text, which the teacher reads too."""
        is_read_once = bool(self.cache_teacher_outputs)
        return Training(
            self.schedule, self.on, has_teacher=True, caches_teacher=is_read_once, state_bytes=self.state_bytes
        )

    def teachers(self) -> tuple[str, ...]:
        """The one that is named."""
        return (self.teacher,)

    def validate(self, spec: ModelSpec) -> ModelSpec:
        """Check that the student can have a masked-LM head, if the losses compare it."""
        return spec.masked_lm("distill") if self._masks_text else spec

    def cache_inputs(self, context: Context) -> dict[str, Any]:
        """The loss terms, the teacher, the text, seed and precision."""
        taught = context.teacher_named(self.teacher, "distill.teacher")
        if self._masks_text and (taught.spec is None or taught.spec.head != "words"):
            raise ConfigError(
                f"distill.teacher: {self.teacher!r} has no masked-LM head, which the losses need; name 'masked-teacher'"
            )
        taught.check_model("distill.teacher", "name another one (teacher: origin), or learn labels (task-distill)")
        self._check_losses(context.student, taught.spec)
        text = context.source_fingerprint(self.on, "distill")
        return super().cache_inputs(context) | {"teacher": taught.key, "text": text, **masking_version(self.rarity)}

    @property
    def _masks_text(self) -> bool:
        """Whether a term compares masked-LM logits."""
        return any(term.requires & MASKING for term in self.terms())

    def run(self, model: Model, context: Context) -> StageResult:
        """The trained encoder."""
        taught = context.teacher_named(self.teacher, "distill.teacher")
        teacher = taught.model("distill.teacher")
        student = model.copied()
        if self._masks_text:
            student = with_masked_head(student, context.seed)
        data = examples(context.sentences(self.on), student, context, teacher=teacher)
        data = with_masking(data, self.masking, self.rarity)
        teaching: TeacherOutputs = LiveTeacher(teacher)
        if self.cache_teacher_outputs:
            states = self._states(teacher, taught.states_key, data, student, context)
            teaching = CachedHiddenStates(teacher, states)
        return StageResult(student, fit(student, data, self.terms(), self.schedule, context, teaching))
