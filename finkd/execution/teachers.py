"""Models that stages ask for as teachers, each made by a strategy of its own when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from finkd.corpora.errors import ConfigError
from finkd.execution import lineage
from finkd.models.loading import load_model, read_head
from finkd.models.model import Model
from finkd.stages.stage import Context, TaughtBy
from finkd.strategies import Step, parse


@dataclass(frozen=True)
class Ancestors:
    """What strategies make of the model that an experiment begins with.

    Attributes:
        teacher: name or folder of that model.
        start: its address (``finkd.execution.lineage.origin``).
        stages: settings of stages, by stage or by stage and variant.
        begins: called with the name and the number of each stage that has to be computed.
        asked: strategy -> its stages, of all that were asked for.
    """

    teacher: str
    start: str
    stages: Mapping[str, Mapping[str, Any]]
    begins: Callable[[str, int], None] = lambda stage, place: None
    asked: dict[str, list[Step]] = field(default_factory=dict)

    def within(self, context: Context) -> Context:
        """The same context, whose stages may ask for ancestors; these use it too."""
        pending: set[str] = set()

        @cache
        def find(strategy: str) -> TaughtBy:
            if strategy in pending:
                raise ConfigError(f"distill.teacher: {strategy!r} would learn from itself; name another one within it")
            pending.add(strategy)
            steps = [] if strategy == "origin" else parse(strategy, self.stages)
            made = self._made(steps, whole)
            self.asked[strategy] = steps
            return made

        whole = replace(context, ancestor=find)
        return whole

    def _made(self, steps: Sequence[Step], context: Context) -> TaughtBy:
        before = read_head(self.teacher)
        if not steps:
            return TaughtBy(self.start, lambda: load_model(self.teacher), before)

        def load() -> Model:
            return lineage.run(self.teacher, self.start, steps, context, self.begins).load()

        return TaughtBy(lineage.addresses(self.start, steps, context)[-1], load, lineage.head(steps, before))
