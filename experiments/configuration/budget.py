"""One budget for every strategy, whatever its stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pydantic import PositiveFloat, PositiveInt

from finkd.corpora.errors import ConfigError

if TYPE_CHECKING:  # a budget is read with its configuration, before stages and torch are imported
    from finkd.stages.stage import Source
    from finkd.strategies.strategy import Step, Strategy

TOKENS_PER_WORD = 1.3
_MANY = 20
"""As many times its own epochs a stage may read its text until its time is over."""


class TextSize(NamedTuple):
    """Number of sentences, and their mean number of words."""

    sentences: float
    words: float


Reads: TypeAlias = "Callable[[Source], tuple[int, float]]"
"""How many sentences a source has, and their mean number of words."""


@dataclass(frozen=True)
class Budget:
    """A budget of all training stages of a student together; exactly one of the three.

    Stages share it in proportion to the tokens (or steps) that their own schedules would read. Stages before the one
    that first makes the model smaller are its teacher's, shared with other students, and not counted; nor are copies
    made by entity replacement, whose number nobody knows before, and what a teacher computes before a training.

    Attributes:
        tokens: tokens, about; stages read more or fewer epochs.
        steps: batches, about; likewise.
        seconds: each stage is stopped when its share of the time is over.
    """

    tokens: PositiveInt | None = None
    steps: PositiveInt | None = None
    seconds: PositiveFloat | None = None

    def __post_init__(self) -> None:
        """Check that exactly one is given.

        Raises:
            ConfigError: if none or several are.
        """
        if sum(each is not None for each in (self.tokens, self.steps, self.seconds)) != 1:
            raise ConfigError("budget: expected one of tokens, steps and seconds, such as {seconds: 300}")


def within(strategy: Strategy, budget: Budget, reads: Reads) -> Strategy:
    """A strategy whose training stages take a budget together.

    Args:
        strategy: its stages.
        budget: for all of them.
        reads: the size of what stages read.
    """
    tokens = tokens_read(strategy, reads)
    smaller = [number for number, step in enumerate(strategy) if step.stage.makes_smaller]
    tokens[: smaller[0] if smaller else 0] = [0.0] * (smaller[0] if smaller else 0)
    parts = tokens
    if budget.steps is not None:
        parts = [
            count and count / step.stage.training.schedule.batch_tokens if step.stage.training else 0.0
            for count, step in zip(tokens, strategy, strict=True)
        ]
    total = sum(parts)
    return type(strategy)(
        _within(step, budget, part, total) if part else step for step, part in zip(strategy, parts, strict=True)
    )


def tokens_read(strategy: Sequence[Step], reads: Reads) -> list[float]:
    """(stages,) tokens that each stage would read by its own schedule; 0 if it trains nothing."""
    found = []
    for step, (sentences, words) in zip(strategy, sentences_read(strategy, reads), strict=True):
        training = step.stage.training
        found.append(TOKENS_PER_WORD * sentences * words * training.schedule.epochs if training else 0.0)
    return found


def sentences_read(strategy: Sequence[Step], reads: Reads) -> list[TextSize]:
    """(stages,) what each stage reads in an epoch, copies among it; nothing if it trains nothing."""
    kept: dict[Source, float] = {}
    found = []
    for step in strategy:
        for source, fraction in step.stage.selected().items():
            kept[source] = kept.get(source, 1.0) * fraction
        training = step.stage.training
        if training is None:
            found.append(TextSize(0.0, 0.0))
        else:
            sentences, words = reads(training.source)
            found.append(TextSize(sentences * kept.get(training.source, 1.0) * (1 + training.copies), words))
    return found


def _within(step: Step, budget: Budget, part: float, total: float) -> Step:
    """A stage that takes its part of the budget."""
    assert step.stage.training is not None
    epochs = step.stage.training.schedule.epochs
    if budget.seconds is not None:
        stage = step.stage.rescheduled(epochs=_MANY * epochs, seconds=budget.seconds * part / total)
    else:
        limit = budget.tokens or budget.steps
        assert limit is not None
        stage = step.stage.rescheduled(epochs=epochs * limit / total)
    return replace(step, stage=stage)
