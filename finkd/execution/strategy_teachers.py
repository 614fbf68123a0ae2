"""Models that stages ask for as teachers, each made by a strategy of its own when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from finkd.corpora.errors import ConfigError
from finkd.execution import lineage
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.models.spec import ModelSpec
from finkd.stages.stage import ORIGIN, TAGGER, Context
from finkd.strategies.parsing import parse
from finkd.strategies.strategy import Strategy
from finkd.teachers.teacher import Teacher


@dataclass(frozen=True)
class StrategyTeachers:
    """Teachers that strategies make of the model that an experiment begins with.

    Attributes:
        teacher: name or folder of that model.
        start: its address (``finkd.models.pretrained.fingerprint``).
        stages: settings of stages, by stage or by stage and variant.
        begins: called with the name and the number of each stage that has to be computed.
    """

    teacher: str
    start: str
    stages: Mapping[str, Mapping[str, Any]]
    begins: Callable[[str, int], None] = lambda stage, place: None

    def of(self, strategy: Strategy) -> dict[str, Strategy]:
        """The strategies that make teachers for the stages of another one, those that others of them ask for first.

        Raises:
            ConfigError: if one would learn from itself.
        """
        found: dict[str, Strategy] = {}
        self._collect(strategy, (), found)
        return found

    def _collect(self, strategy: Strategy, within: tuple[str, ...], found: dict[str, Strategy]) -> None:
        for name in (name for step in strategy for name in step.stage.teachers()):
            if name in within:
                raise ConfigError(f"distill.teacher: {name!r} would learn from itself; name another one within it")
            if name not in (TAGGER, ORIGIN, *found):
                made = parse(name, self.stages)
                self._collect(made, (*within, name), found)
                found[name] = made

    def within(self, context: Context) -> Context:
        """The same context, whose stages may ask for these teachers; their stages use it too."""

        @cache
        def find(name: str) -> Teacher:
            if name == ORIGIN:
                load, spec = partial(load_model, self.teacher, any_labels=True), ModelSpec.of(self.teacher)
                return Teacher(self.start, load, spec=spec)
            return self._made(parse(name, self.stages), whole)

        whole = replace(context, strategy_teacher=find, with_strategy_teachers=self.within)
        return whole

    def _made(self, strategy: Strategy, context: Context) -> Teacher:
        self.of(strategy)  # a strategy that would learn from itself has no address
        spec = ModelSpec.of(self.teacher, context.labels or None)
        context, made = replace(context, student=spec), strategy.validate(spec)[-1]

        def load() -> Model:
            return lineage.run(self.teacher, self.start, strategy, context, self.begins).load()

        return Teacher(lineage.addresses(self.start, strategy, context)[-1], load, spec=made)
