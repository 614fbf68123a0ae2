"""An experiment with its data and its store: what its systems are made of, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from finkd import corpora
from finkd.corpora.corpus import NerData
from finkd.corpora.errors import ConfigError, DataError, located
from finkd.corpora.registry import unknown
from finkd.corpora.sentence import Sentence
from finkd.data.raw_text import KeptText
from finkd.evaluation.ner import known_words
from finkd.execution import lineage
from finkd.execution.lineage import Outcome
from finkd.execution.teachers import Ancestors
from finkd.experiments.configuration.budget import within
from finkd.experiments.configuration.experiment import TINY, Experiment
from finkd.experiments.configuration.splits import check_types
from finkd.experiments.running.events import Listener, Watch
from finkd.experiments.running.folds import folds
from finkd.models import pretrained
from finkd.models.loading import load_model
from finkd.models.shape import Shape
from finkd.models.spec import ModelSpec
from finkd.records import StageRecord
from finkd.stages.stage import CHECKPOINT_SECONDS, Context, Source
from finkd.store import Store, address
from finkd.strategies.parsing import parse
from finkd.strategies.strategy import Step, Strategy
from finkd.system.precision import resolve_precision
from finkd.teachers import kind_of
from finkd.teachers.finished_tagger import FinishedTagger
from finkd.teachers.label_map import LabelReading
from finkd.teachers.taught_by import Member, TaughtBy, ensemble, of_tagger
from finkd.tokenization.tokenizer import Tokenizer
from finkd.training.callbacks import Look

Outcomes = dict[str, Outcome]

_GLANCE = 500


@dataclass(frozen=True)
class _Training:
    """Something to train.

    Attributes:
        name: of it: the system, a fold of it, or a member of an ensemble.
        system: whose strategy it is.
        steps: its stages.
        context: that they run in.
        ancestors: teachers that its stages name.
    """

    name: str
    system: str
    steps: Strategy
    context: Context
    ancestors: Ancestors


def _rehearsed(step: Step) -> Step:
    """A stage that reads its text once, without dropout, so that any number of processes ends alike."""
    if step.stage.training is None:
        return step
    return replace(step, stage=step.stage.rescheduled(epochs=min(1.0, step.stage.training.schedule.epochs), dropout=0))


class Prepared:
    """An experiment that can be run. Making it finds every mistake that can be found before work begins.

    Args:
        experiment: what to compare.
        store: folder of stored results.
        checkpoint_seconds: time between two checkpoints of a training.

    Raises:
        FinkdError: if something named does not exist, or a stage lacks what it needs.
    """

    def __init__(self, experiment: Experiment, store: Path, checkpoint_seconds: float = CHECKPOINT_SECONDS) -> None:
        self.experiment = experiment
        self.checkpoint_seconds = checkpoint_seconds
        self.store = Store(store)
        self._glances: dict[Source, tuple[int, float]] = {}
        self._parts: dict[int, list[list[Sentence]]] = {}
        self.text = KeptText(experiment.text, self.store) if experiment.text else None
        self.general = KeptText(experiment.general, self.store) if experiment.general else None
        self.data: NerData = corpora.load(experiment.corpus, experiment.scheme, experiment.offsets)
        self.precision = resolve_precision(experiment.precision)
        self.counts = {key: text.count for key, text in self.texts().items()}
        self.train = self._split("train")
        self.scored = self._split(experiment.split)
        self.extra_splits = {name: self._split(name) for name in experiment.extra_splits}
        check_types(self.data, (experiment.split, *experiment.extra_splits))
        self.labels = corpora.label_names(self.data.types)
        self.known = known_words(self.train)
        seen = {sentence.text for sentence in self.train}
        self.overlap = sum(s.text in seen for s in self.scored) / len(self.scored)
        models = {experiment.start_of(name) for name, system in experiment.systems.items() if system.strategy}
        self._origins = {model: pretrained.fingerprint(model) for model in sorted(models)}
        self._specs = {model: ModelSpec.of(model, self.labels) for model in sorted(models)}
        self._ready = {name: self._opened(name) for name in experiment.systems}
        self._validate()
        list(self.addresses(experiment.seeds[0]))  # a stage may lack something that only its address asks for

    def texts(self) -> dict[str, KeptText]:
        """The raw texts by their keys in a configuration."""
        return {key: text for key, text in (("text", self.text), ("general", self.general)) if text}

    def notes(self) -> list[str]:
        """Return warnings to show before the work begins, a line for each."""
        return [f"{key}: {text.shortage}" for key, text in self.texts().items() if text.shortage]

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
            for teacher, other in self._ancestors(name).of(strategy).items():
                with located(f"teacher {teacher!r}"):
                    other.validate(spec)

    def spec(self, system: str) -> ModelSpec:
        """Return the specification of the model that the strategy of a system begins with."""
        return self._specs[self.experiment.start_of(system)]

    def teacher_shapes(self, system: str, seed: int) -> dict[str, Shape]:
        """Return the shapes of the models that label text for a system, by their names.

        Those of other kinds of taggers are unknown.
        """
        name = self.experiment.teacher_of(system)
        if name is None:
            return {}
        teacher = self.experiment.systems[name]
        if teacher.strategy:
            return {f"{name}, seed {seed}, fold {fold}": self.spec(name).shape for fold in range(teacher.folds or 1)}
        found: dict[str, Shape | None] = {}
        for each in teacher.members:
            if each.system:
                found[f"{each.system}, seed {each.seed or seed}, fold 0"] = self.spec(each.system).shape
            elif each.model and kind_of(each.model)[0] == "transformers":
                found[each.model] = ModelSpec.of(each.model).sizes
        return {each: shape for each, shape in found.items() if shape is not None}

    def tokenizer(self, system: str) -> Tokenizer:
        """Return the tokenizer of the model that the strategy of a system begins with."""
        return Tokenizer.load(pretrained.resolve(self.experiment.start_of(system)))

    def _split(self, name: str) -> Sequence[Sentence]:
        if name not in self.data.splits:
            raise ConfigError(unknown(f"splits of {self.data.name}", name, list(self.data.splits)))
        if not self.data.splits[name]:
            raise DataError(f"{self.data.name}: its {name} split has no sentence")
        return self.data.splits[name][:TINY] if self.experiment.tiny else self.data.splits[name]

    def systems(self) -> list[tuple[str, Strategy]]:
        """Every system that has a strategy with its stages, teachers first."""
        systems = self.experiment.systems
        with_strategy = [name for name in self._in_order() if systems[name].strategy]
        return [(name, self._within(systems[name].role, systems[name].strategy)) for name in with_strategy]

    def _in_order(self) -> list[str]:
        """All systems, each after those that it learns from or consists of."""
        systems = self.experiment.systems
        return sorted(systems, key=lambda each: (systems[each].role != "teacher", bool(systems[each].members)))

    def _opened(self, name: str) -> dict[int, FinishedTagger]:
        """The finished taggers that a teacher consists of, by their place in it.

        Raises:
            FinkdError: if one is nowhere, or its labels do not fit the corpus.
        """
        found = {}
        for place, member in enumerate(self.experiment.systems[name].members):
            if member.model is not None:
                with located(f"systems.{name}.teacher"):
                    found[place] = FinishedTagger.open(
                        member.model, LabelReading(member.labels, member.scheme), self.labels
                    )
        return found

    def _within(self, role: str, strategy: str) -> Strategy:
        steps = parse(strategy, self.experiment.stages)
        budget = self.experiment.budget
        steps = within(steps, budget, self.words) if budget and role == "student" else steps
        return Strategy(map(_rehearsed, steps)) if self.experiment.tiny else steps

    def words(self, source: Source) -> tuple[int, float]:
        """Return the number of sentences of a source, and the mean number of words (raw text: of the first ones)."""
        text = {"gold": None, "text": self.experiment.text, "general": self.experiment.general}[source]
        if source not in self._glances:
            drawn = self.train if text is None else list(text.sample(min(_GLANCE, text.sentences)))
            mean = sum(len(each.spans) for each in drawn) / len(drawn)
            self._glances[source] = self.counts.get(source, len(drawn)), mean
        return self._glances[source]

    def addresses(
        self, seed: int, taught: dict[str | None, TaughtBy] | None = None
    ) -> Iterator[tuple[str, str, list[tuple[Step, str]]]]:
        """Every system's stages with their addresses in the store; nothing is computed.

        Args:
            seed: of the systems.
            taught: receives every system as a teacher.

        Yields:
            the name of the system, or of what makes a teacher, then the system whose model it begins with, then its
            stages.

        Strategies that only make a teacher for some stage come before the system that it belongs to, and so do the
        members of an ensemble that are no systems of this seed.

        Raises:
            ConfigError: if a stage lacks something it needs.
        """
        taught = {} if taught is None else taught
        for name in self._in_order():
            keys = []
            for each in self._trainings(name, seed, taught):
                with located(f"systems.{name}.strategy"):
                    stages = lineage.addresses(each.ancestors.start, each.steps, each.context)
                for strategy, others in each.ancestors.of(each.steps).items():
                    others_keys = lineage.addresses(each.ancestors.start, others, each.context)
                    yield strategy, each.system, list(zip(others, others_keys, strict=True))
                yield each.name, each.system, list(zip(each.steps, stages, strict=True))
                keys.append(stages[-1])
            taught[name] = self._taught(name, keys, taught)

    def teachers(self, seed: int) -> dict[str, TaughtBy]:
        """Every system as a teacher; their models are in the store once ``outcomes`` has trained them."""
        taught: dict[str | None, TaughtBy] = {}
        list(self.addresses(seed, taught))
        return {name: taught[name] for name in self.experiment.systems}

    def outcomes(self, seed: int, listen: Listener, look: Look | None = None) -> Outcomes:
        """Train every system with a seed, or take it from the store; ``look`` as for ``training.trainer.train``."""
        outcomes: Outcomes = {}
        taught: dict[str | None, TaughtBy] = {}
        for name in self._in_order():
            watch = Watch(name, seed, listen)
            made = []
            for each in self._trainings(name, seed, taught, watch):
                ancestors, context = each.ancestors, replace(each.context, look=look)
                outcome = lineage.run(ancestors.teacher, ancestors.start, each.steps, context, watch.begins)
                others = self._teachers(outcome, ancestors.of(each.steps), ancestors, context)
                made.append(replace(outcome, teachers=others))
            taught[name] = self._taught(name, [outcome.key for outcome in made], taught)
            is_single = len(made) == 1 and taught[name].is_model
            outcomes[name] = made[0] if is_single else Outcome.of_members(taught[name].key, made)
        return {name: outcomes[name] for name in self.experiment.systems}

    def _trainings(
        self, name: str, seed: int, taught: Mapping[str | None, TaughtBy], watch: Watch | None = None
    ) -> Iterator[_Training]:
        """Yield what is trained for a system: its strategy, once or on each fold, or members with seeds of their own.

        Without a watch, nothing is computed.
        """
        system = self.experiment.systems[name]
        if system.strategy:
            context = self._context(seed, taught.get(self.experiment.teacher_of(name)), watch)
            for place in range(system.folds or 1):
                part = f" (fold {place + 1} of {system.folds})" if system.folds else ""
                yield self._training(f"{name}{part}", name, self._fold(context, system.folds, place), watch)
        for member in system.members:
            if member.system is not None and member.seed is not None:
                yield self._training(member.name, member.system, self._context(member.seed, None, watch), watch)

    def _training(self, shown: str, name: str, context: Context, watch: Watch | None) -> _Training:
        system = self.experiment.systems[name]
        ancestors = self._ancestors(name, watch.teaches if watch else lambda stage, place: None)
        steps = self._within(system.role, system.strategy)
        return _Training(shown, name, steps, ancestors.within(context), ancestors)

    def _fold(self, context: Context, count: int | None, place: int) -> Context:
        """The context without the sentences of a fold."""
        if count is None:
            return context
        part = address({"corpus": context.corpus, "fold": place, "folds": count, "version": 1})
        return replace(context, train=self._folds(count)[place], corpus=part)

    def _folds(self, count: int) -> list[list[Sentence]]:
        if count not in self._parts:
            self._parts[count] = folds(self.train, count)
        return self._parts[count]

    def _taught(self, name: str, keys: Sequence[str], taught: Mapping[str | None, TaughtBy]) -> TaughtBy:
        """A system as a teacher.

        Args:
            name: of the system.
            keys: of the models that were trained for it.
            taught: teachers before it.
        """
        system, made = self.experiment.systems[name], [self._taught_by(key) for key in keys]
        if system.folds is not None:
            texts = [frozenset(sentence.text for sentence in part) for part in self._folds(system.folds)]
            return ensemble([Member(each, trained_on=seen) for each, seen in zip(made, texts, strict=True)])
        if system.strategy:
            return made[0]
        left, members = iter(made), []
        for place, reference in enumerate(system.members):
            if reference.system is None:
                each = of_tagger(self._ready[name][place])
            else:
                each = next(left) if reference.seed is not None else taught[reference.system]
            members.append(Member(each, reference.weight))
        return members[0].taught_by if len(members) == 1 else ensemble(members)

    def _teachers(
        self, outcome: Outcome, strategies: Mapping[str, Strategy], ancestors: Ancestors, context: Context
    ) -> tuple[StageRecord, ...]:
        """Stages that made teachers for a system, but for those that it shares with them.

        What the store does not hold of them any more is computed again: its record would be empty.
        """
        own = {stage.key for stage in outcome.lineage}
        made = [
            lineage.run(ancestors.teacher, ancestors.start, each, context, ancestors.begins)
            for each in strategies.values()
        ]
        stages = chain.from_iterable(each.lineage for each in made)
        return tuple({stage.key: stage for stage in stages if stage.key not in own}.values())

    def _taught_by(self, key: str) -> TaughtBy:
        return TaughtBy(key, lambda: load_model(self.store.root / key))

    def _ancestors(self, system: str, begins: Callable[[str, int], None] = lambda stage, place: None) -> Ancestors:
        model = self.experiment.start_of(system)
        return Ancestors(model, self._origins[model], self.experiment.stages, begins)

    def _context(self, seed: int, taught: TaughtBy | None, watch: Watch | None = None) -> Context:
        """Return the context of one system's stages; without a watch, nothing is computed."""
        return Context(
            train=self.train,
            labels=self.labels,
            corpus=address({"tiny": self.data.fingerprint}) if self.experiment.tiny else self.data.fingerprint,
            seed=seed,
            store=self.store,
            text=self.text,
            general=self.general,
            teacher=taught,
            precision=self.precision,
            listen=watch.training if watch else None,
            checkpoint_seconds=self.checkpoint_seconds,
        )
