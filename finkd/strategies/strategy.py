"""A strategy that has been read: its stages with their settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # unknown names of stages are found before torch is imported
    from finkd.models.spec import ModelSpec
    from finkd.stages.stage import Stage


@dataclass(frozen=True)
class Step:
    """One stage of a strategy with its resolved settings.

    Attributes:
        name: as written, such as ``"task-distill:text"``.
        stage: the stage.
    """

    name: str
    stage: Stage


class Strategy(tuple[Step, ...]):
    """Stages in the order in which they run.

    Example:
        >>> from finkd.strategies.parsing import parse
        >>> [step.name for step in parse("truncate-layers > finetune", {})]
        ['truncate-layers', 'finetune']
    """

    __slots__ = ()

    def validate(self, spec: ModelSpec) -> list[ModelSpec]:
        """Check that every stage can follow those before it.

        Args:
            spec: what is known of the model that the strategy begins with.

        Returns:
            what is known of the model after each stage.

        Raises:
            ConfigError: if one cannot.
        """
        found = []
        for step in self:
            spec = step.stage.validate(spec)
            found.append(spec)
        return found
