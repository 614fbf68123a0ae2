"""One budget for every strategy, whatever its stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import PositiveFloat, PositiveInt

from finkd.corpora.errors import ConfigError

if TYPE_CHECKING:  # a budget is read with its configuration, before stages and torch are imported
    from finkd.stages.stage import Source
    from finkd.strategies import Step
    from finkd.training.schedule import Schedule

TOKENS_PER_WORD = 1.3
_MANY = 20
"""As many times its own epochs a stage may read its text until the clock stops it."""

Reads: TypeAlias = "Callable[[Source], tuple[int, float]]"
"""How many sentences a source has, and their mean number of words."""


@dataclass(frozen=True)
class Budget:
    """What the training stages of a student may take together; exactly one of the three.

    Stages share it in proportion to the tokens (or steps) that their own schedules would read. Stages before the one
    that first makes the model smaller are its teacher's, shared with other students, and not counted; nor are copies
    with lost names, of which nobody knows how many there will be, and what a teacher computes before a training.

    Attributes:
        tokens: tokens, about; stages read more or fewer epochs.
        steps: batches, about; likewise.
        seconds: each stage is stopped by the clock when its share is over.
    """

    tokens: PositiveInt | None = None
    steps: PositiveInt | None = None
    seconds: PositiveFloat | None = None

    def __post_init__(self) -> None:
        """See that one is given.

        Raises:
            ConfigError: if none or several are.
        """
        if sum(each is not None for each in (self.tokens, self.steps, self.seconds)) != 1:
            raise ConfigError("budget: expected one of tokens, steps and seconds, such as {seconds: 300}")


def within(steps: Sequence[Step], budget: Budget, reads: Reads) -> list[Step]:
    """A strategy whose training stages take a budget together.

    Args:
        steps: the strategy.
        budget: for all of them.
        reads: the size of what stages read.
    """
    from finkd.stages.select import Select

    smaller = [number for number, step in enumerate(steps) if _makes_smaller(step)]
    before = smaller[0] if smaller else 0
    kept: dict[Source, float] = {}
    tokens = []
    for number, step in enumerate(steps):
        if isinstance(step.stage, Select):
            kept[step.stage.on] = kept.get(step.stage.on, 1.0) * step.stage.keep
        tokens.append(0.0 if number < before else _tokens(step.stage, reads, kept))
    parts = tokens
    if budget.steps is not None:
        parts = [count and count / _schedule(step).batch_tokens for count, step in zip(tokens, steps, strict=True)]
    total = sum(parts)
    limit = budget.tokens or budget.steps
    found = []
    for step, part in zip(steps, parts, strict=True):
        if not part:
            found.append(step)
        elif limit is not None:
            found.append(_with(step, epochs=_schedule(step).epochs * limit / total))
        else:
            assert budget.seconds is not None
            epochs = _MANY * _schedule(step).epochs
            found.append(_with(step, epochs=epochs, seconds=budget.seconds * part / total))
    return found


def _makes_smaller(step: Step) -> bool:
    from finkd.stages.replace_vocabulary import ReplaceVocabulary
    from finkd.stages.truncate_layers import TruncateLayers

    return step.name.startswith("compress:") or isinstance(step.stage, TruncateLayers | ReplaceVocabulary)


def _tokens(stage: Any, reads: Reads, kept: Mapping[Source, float]) -> float:
    """Tokens that a stage would read by its own schedule; 0 if it trains nothing.

    Args:
        stage: the stage.
        reads: the size of what stages read.
        kept: share of a source that a selection before the stage has left.
    """
    schedule: Schedule | None = getattr(stage, "schedule", None)
    if schedule is None:
        return 0.0
    sentences, words = text_read(stage, reads)
    share = kept.get(getattr(stage, "on", "gold"), 1.0)
    return TOKENS_PER_WORD * sentences * share * words * schedule.epochs


def text_read(stage: Any, reads: Reads) -> tuple[int, float]:
    """How many sentences a training stage reads in an epoch, copies among them, and their mean number of words."""
    from finkd.stages.task_distill import TaskDistill

    sentences, words = reads(getattr(stage, "on", "gold"))
    copies = stage.augment.copies if isinstance(stage, TaskDistill) else 0
    return sentences * (1 + copies), words


def _schedule(step: Step) -> Schedule:
    stage: Any = step.stage
    return stage.schedule  # type: ignore[no-any-return]


def _with(step: Step, **schedule: float) -> Step:
    stage: Any = step.stage
    return replace(step, stage=replace(stage, schedule=replace(stage.schedule, **schedule)))
