"""An experiment that can be run: how its systems are trained, and what teaches them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from finkd.corpora.errors import ConfigError, located
from finkd.execution import lineage
from finkd.execution.lineage import Outcome
from finkd.execution.strategy_teachers import StrategyTeachers
from finkd.experiments.configuration.experiment import Experiment
from finkd.experiments.running.events import Listener, Watch
from finkd.experiments.running.inputs import Inputs
from finkd.models.loading import load_model
from finkd.records import StageRecord
from finkd.stages.stage import CHECKPOINT_SECONDS, Context
from finkd.store import address
from finkd.strategies.strategy import Step, Strategy
from finkd.teachers.teacher import Member, Teacher, ensemble, of_tagger
from finkd.training.callbacks import Look

Outcomes = dict[str, Outcome]


@dataclass(frozen=True)
class _Training:
    """Something to train.

    Attributes:
        name: of it: the system, a fold of it, or a member of an ensemble.
        system: whose strategy it is.
        steps: its stages.
        context: that they run in.
        strategy_teachers: teachers that its stages name.
    """

    name: str
    system: str
    steps: Strategy
    context: Context
    strategy_teachers: StrategyTeachers


class Prepared(Inputs):
    """An experiment that can be run. Making it finds every mistake that can be found before work begins.

    Args:
        experiment: what to compare.
        store: folder of stored results.
        checkpoint_seconds: time between two checkpoints of a training.

    Raises:
        FinkdError: if something named does not exist, or a stage lacks what it needs.
    """

    def __init__(self, experiment: Experiment, store: Path, checkpoint_seconds: float = CHECKPOINT_SECONDS) -> None:
        super().__init__(experiment, store)
        self.checkpoint_seconds = checkpoint_seconds
        self._validate()
        list(self.addresses(experiment.seeds[0]))  # a stage may lack something that only its address asks for

    def _validate(self) -> None:
        """Check that every strategy, and those that make its teachers, fit the model that they begin with.

        Raises:
            ConfigError: if one does not, or ends in no tagger of the corpus.
        """
        for name, strategy in self.systems():
            with located(f"systems.{name}.strategy"):
                spec = self.spec(name)
                made = [spec, *strategy.validate(spec)][-1]
                if made.head != "labels":
                    raise ConfigError("ends in a model that scores no labels; add finetune or task-distill")
                made.check_corpus()
            for teacher, other in self._strategy_teachers(name).of(strategy).items():
                with located(f"teacher {teacher!r}"):
                    other.validate(spec)

    def addresses(
        self, seed: int, teachers: dict[str | None, Teacher] | None = None
    ) -> Iterator[tuple[str, str, list[tuple[Step, str]]]]:
        """Every system's stages with their addresses in the store; nothing is computed.

        Args:
            seed: of the systems.
            teachers: receives every system as a teacher.

        Yields:
            the name of the system, or of what makes a teacher, then the system whose model it begins with, then its
            stages.

        Strategies that only make a teacher for some stage come before the system that it belongs to, and so do the
        members of an ensemble that are no systems of this seed.

        Raises:
            ConfigError: if a stage lacks something it needs.
        """
        teachers = {} if teachers is None else teachers
        for name in self.in_order():
            keys = []
            for each in self._trainings(name, seed, teachers):
                with located(f"systems.{name}.strategy"):
                    stages = lineage.addresses(each.strategy_teachers.start, each.steps, each.context)
                    context = lineage.reserved(each.steps, each.context)
                for strategy, others in each.strategy_teachers.of(each.steps).items():
                    others_keys = lineage.addresses(each.strategy_teachers.start, others, context)
                    yield strategy, each.system, list(zip(others, others_keys, strict=True))
                yield each.name, each.system, list(zip(each.steps, stages, strict=True))
                keys.append(stages[-1])
            teachers[name] = self._as_teacher(name, seed, keys, teachers)

    def teachers(self, seed: int) -> dict[str, Teacher]:
        """Every system as a teacher; their models are in the store once ``outcomes`` has trained them."""
        teachers: dict[str | None, Teacher] = {}
        list(self.addresses(seed, teachers))
        return {name: teachers[name] for name in self.experiment.systems}

    def outcomes(self, seed: int, listen: Listener, look: Look | None = None) -> Outcomes:
        """Train every system with a seed, or take it from the store; ``look`` is called as it goes on."""
        outcomes: Outcomes = {}
        teachers: dict[str | None, Teacher] = {}
        for name in self.in_order():
            watch = Watch(name, seed, listen)
            made = []
            for each in self._trainings(name, seed, teachers, watch):
                strategy_teachers, context = each.strategy_teachers, replace(each.context, look=look)
                outcome = lineage.run(
                    strategy_teachers.teacher, strategy_teachers.start, each.steps, context, watch.begins
                )
                rest = lineage.reserved(each.steps, context)
                others = self._teachers(outcome, strategy_teachers.of(each.steps), strategy_teachers, rest)
                made.append(replace(outcome, teachers=others))
            teachers[name] = self._as_teacher(name, seed, [outcome.key for outcome in made], teachers)
            is_single = len(made) == 1 and teachers[name].is_model
            outcomes[name] = made[0] if is_single else Outcome.of_members(teachers[name].key, made)
        return {name: outcomes[name] for name in self.experiment.systems}

    def _trainings(
        self, name: str, seed: int, teachers: Mapping[str | None, Teacher], watch: Watch | None = None
    ) -> Iterator[_Training]:
        """Yield what is trained for a system: its strategy, once or on each fold, or members with seeds of their own.

        Without a watch, nothing is computed.
        """
        system = self.experiment.systems[name]
        if system.strategy:
            context = self._context(seed, teachers, watch, self.experiment.teacher_of(name))
            for place in range(system.folds or 1):
                part = f" (fold {place + 1} of {system.folds})" if system.folds else ""
                yield self._training(f"{name}{part}", name, self._fold(context, system.folds, place), watch)
        for member in system.members:
            if member.system is not None and member.seed is not None:
                yield self._training(member.name, member.system, self._context(member.seed, {}, watch), watch)

    def _training(self, shown: str, name: str, context: Context, watch: Watch | None) -> _Training:
        system = self.experiment.systems[name]
        strategy_teachers = self._strategy_teachers(name, watch.teaches if watch else lambda stage, place: None)
        steps = self.stages_of(system.role, system.strategy)
        context = strategy_teachers.within(replace(context, student=self.spec(name)))
        return _Training(shown, name, steps, context, strategy_teachers)

    def _fold(self, context: Context, count: int | None, place: int) -> Context:
        """The context without the sentences of a fold."""
        if count is None:
            return context
        part = address({"corpus": context.corpus, "fold": place, "folds": count, "version": 2})
        rest = self.folds(self.gold(context.seed), count)[place].rest
        return replace(context, train=rest, corpus=part)

    def _as_teacher(self, name: str, seed: int, keys: Sequence[str], teachers: Mapping[str | None, Teacher]) -> Teacher:
        """A system as a teacher.

        Args:
            name: of the system.
            seed: of the run.
            keys: of the models that were trained for it.
            teachers: teachers before it.
        """
        system = self.experiment.systems[name]
        others = [each.system for each in system.members if each.system is not None and each.seed is not None]
        made = [self._stored_teacher(key, each) for key, each in zip(keys, others or [name] * len(keys), strict=True)]
        if system.folds is not None:
            parts = self.folds(self.gold(seed), system.folds)
            texts = [frozenset(sentence.text for sentence in part.rest) for part in parts]
            return ensemble([Member(each, trained_on=seen) for each, seen in zip(made, texts, strict=True)])
        if system.strategy:
            return made[0]
        left, members = iter(made), []
        for place, reference in enumerate(system.members):
            if reference.system is None:
                each = of_tagger(self.finished_taggers[name][place])
            else:
                each = next(left) if reference.seed is not None else teachers[reference.system]
            members.append(Member(each, reference.weight))
        return members[0].teacher if len(members) == 1 else ensemble(members)

    def _teachers(
        self,
        outcome: Outcome,
        strategies: Mapping[str, Strategy],
        strategy_teachers: StrategyTeachers,
        context: Context,
    ) -> tuple[StageRecord, ...]:
        """Stages that made teachers for a system, but for those that it shares with them.

        What the store does not hold of them any more is computed again: its record would be empty.
        """
        own = {stage.key for stage in outcome.lineage}
        made = [
            lineage.run(strategy_teachers.teacher, strategy_teachers.start, each, context, strategy_teachers.begins)
            for each in strategies.values()
        ]
        stages = chain.from_iterable(each.lineage for each in made)
        return tuple({stage.key: stage for stage in stages if stage.key not in own}.values())

    def _stored_teacher(self, key: str, system: str) -> Teacher:
        strategy = self.stages_of(self.experiment.systems[system].role, self.experiment.systems[system].strategy)
        made = strategy.validate(self.spec(system))[-1]
        return Teacher(key, lambda: load_model(self.store.root / key), spec=made)

    def _strategy_teachers(
        self, system: str, begins: Callable[[str, int], None] = lambda stage, place: None
    ) -> StrategyTeachers:
        model = self.experiment.start_of(system)
        return StrategyTeachers(model, self.fingerprints[model], self.experiment.stages, begins)

    def _context(
        self, seed: int, teachers: Mapping[str | None, Teacher], watch: Watch | None = None, teacher: str | None = None
    ) -> Context:
        """Return the context of one system's stages; without a watch, nothing is computed."""
        gold = self.gold(seed)
        return Context(
            train=gold.train,
            labels=self.labels,
            corpus=gold.corpus,
            seed=seed,
            store=self.store,
            text=self.text,
            general=self.general,
            teacher=teachers.get(teacher),
            taggers={name: teachers[name] for name in self.experiment.teachers if name in teachers},
            precision=self.precision,
            listen=watch.training if watch else None,
            checkpoint_seconds=self.checkpoint_seconds,
        )
