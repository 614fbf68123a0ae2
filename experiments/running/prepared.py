"""An experiment with its data and its store: what its systems are made of, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from finkd.experiments.configuration.experiment import Experiment
from finkd.experiments.configuration.splits import check_types
from finkd.experiments.running.events import Listener, Watch
from finkd.models.loading import load_model
from finkd.models.spec import ModelSpec
from finkd.records import StageRecord
from finkd.stages.stage import CHECKPOINT_SECONDS, Context, Source, TaughtBy
from finkd.store import Store
from finkd.strategies.parsing import parse
from finkd.strategies.strategy import Step, Strategy
from finkd.system.precision import resolve_precision
from finkd.training.callbacks import Look

Outcomes = dict[str, Outcome]

_GLANCE = 500


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
        models = {experiment.start_of(name) for name in experiment.systems}
        self._origins = {model: lineage.origin(model) for model in sorted(models)}
        self._specs = {model: ModelSpec.of(model, self.labels) for model in sorted(models)}
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

    def _split(self, name: str) -> Sequence[Sentence]:
        if name not in self.data.splits:
            raise ConfigError(unknown(f"splits of {self.data.name}", name, list(self.data.splits)))
        if not self.data.splits[name]:
            raise DataError(f"{self.data.name}: its {name} split has no sentence")
        return self.data.splits[name]

    def systems(self) -> list[tuple[str, Strategy]]:
        """Every system with its stages, teachers first."""
        systems = self.experiment.systems
        names = sorted(systems, key=lambda each: systems[each].role != "teacher")
        return [(name, self._within(systems[name].role, systems[name].strategy)) for name in names]

    def _within(self, role: str, strategy: str) -> Strategy:
        steps = parse(strategy, self.experiment.stages)
        budget = self.experiment.budget
        return within(steps, budget, self.words) if budget and role == "student" else steps

    def words(self, source: Source) -> tuple[int, float]:
        """Return the number of sentences of a source, and the mean number of words (raw text: of the first ones)."""
        text = {"gold": None, "text": self.experiment.text, "general": self.experiment.general}[source]
        if source not in self._glances:
            drawn = self.train if text is None else list(text.sample(min(_GLANCE, text.sentences)))
            mean = sum(len(each.spans) for each in drawn) / len(drawn)
            self._glances[source] = self.counts.get(source, len(drawn)), mean
        return self._glances[source]

    def addresses(self, seed: int) -> Iterator[tuple[str, str, list[tuple[Step, str]]]]:
        """Every system's stages with their addresses in the store; nothing is computed.

        Yields:
            the name of the system, or the strategy that makes a teacher for it, then the system, then its stages.

        Strategies that only make a teacher for some stage come before the system that it belongs to.

        Raises:
            ConfigError: if a stage lacks something it needs.
        """
        taught: dict[str | None, TaughtBy] = {}
        for name, steps in self.systems():
            ancestors = self._ancestors(name)
            context = ancestors.within(self._context(seed, taught.get(self.experiment.teacher_of(name))))
            with located(f"systems.{name}.strategy"):
                keys = lineage.addresses(ancestors.start, steps, context)
            for strategy, others in ancestors.of(steps).items():
                others_keys = lineage.addresses(ancestors.start, others, context)
                yield strategy, name, list(zip(others, others_keys, strict=True))
            taught[name] = self._taught_by(keys[-1])
            yield name, name, list(zip(steps, keys, strict=True))

    def outcomes(self, seed: int, listen: Listener, look: Look | None = None) -> Outcomes:
        """Train every system with a seed, or take it from the store; ``look`` as for ``training.trainer.train``."""
        outcomes: Outcomes = {}
        taught: dict[str | None, TaughtBy] = {}
        for name, steps in self.systems():
            watch = Watch(name, seed, listen)
            ancestors = self._ancestors(name, watch.teaches)
            teacher = taught.get(self.experiment.teacher_of(name))
            context = replace(ancestors.within(self._context(seed, teacher, watch)), look=look)
            outcome = lineage.run(ancestors.teacher, ancestors.start, steps, context, watch.begins)
            outcomes[name] = replace(outcome, teachers=self._teachers(outcome, ancestors.of(steps), ancestors, context))
            taught[name] = self._taught_by(outcomes[name].key)
        return {name: outcomes[name] for name in self.experiment.systems}

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
            corpus=self.data.fingerprint,
            seed=seed,
            store=self.store,
            text=self.text,
            general=self.general,
            teacher=taught,
            precision=self.precision,
            listen=watch.training if watch else None,
            checkpoint_seconds=self.checkpoint_seconds,
        )
