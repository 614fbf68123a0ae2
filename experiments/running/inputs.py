"""What the systems of an experiment are made of: corpora, raw text, pretrained models and finished taggers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from finkd import corpora
from finkd.corpora.errors import located
from finkd.corpora.sentence import Sentence
from finkd.data.raw_text import KeptText, Text
from finkd.experiments.configuration.budget import within
from finkd.experiments.configuration.experiment import Experiment
from finkd.experiments.configuration.splits import check_types
from finkd.experiments.running.claim import CORPUS
from finkd.experiments.running.labelled_text import LabelledText
from finkd.machine.precision import resolve_precision
from finkd.models import pretrained
from finkd.models.shape import Shape
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Source
from finkd.store import Store, address
from finkd.strategies.parsing import parse
from finkd.strategies.strategy import Step, Strategy
from finkd.teachers import kind_of
from finkd.teachers.finished_tagger import FinishedTagger
from finkd.teachers.label_map import LabelReading
from finkd.tokenization.tokenizer import Tokenizer

_GLANCE = 500


def _rehearsed(step: Step) -> Step:
    """A stage that reads its text once, without dropout, so that any number of processes ends alike."""
    if step.stage.training is None:
        return step
    return replace(
        step, stage=step.stage.rescheduled(epochs=min(1.0, step.stage.training.schedule.epochs), dropout=0.0)
    )


class Inputs(LabelledText):
    """Corpora, texts and models of an experiment, found and checked.

    Args:
        experiment: what to compare.
        store: folder of stored results.

    Raises:
        FinkdError: if something named does not exist, or does not fit.
    """

    def __init__(self, experiment: Experiment, store: Path) -> None:
        super().__init__(experiment)
        self.store = Store(store)
        self._mean_words: dict[Source, float] = {}
        self.text = KeptText(experiment.text, self.store) if experiment.text else None
        self.general = KeptText(experiment.general, self.store) if experiment.general else None
        self.precision = resolve_precision(experiment.precision)
        self.counts()  # finds a text that cannot be read
        check_types(self.data, (experiment.split, *experiment.extra_splits))
        self.labels = corpora.label_names(self.data.types)
        models = {experiment.start_of(name) for name, system in experiment.systems.items() if system.strategy}
        self.fingerprints = {model: pretrained.fingerprint(model) for model in sorted(models)}
        self._specs = {model: ModelSpec.of(model, self.labels) for model in sorted(models)}
        self.finished_taggers = {name: self._opened(name) for name in experiment.systems}

    @property
    def seeds(self) -> tuple[int, ...]:
        """One run of every system for each."""
        return self.experiment.seeds

    def texts(self) -> dict[str, KeptText]:
        """The raw texts by their keys in a configuration."""
        return {key: text for key, text in (("text", self.text), ("general", self.general)) if text}

    def counts(self) -> dict[str, int]:
        """Return the number of sentences of each raw text: an estimate, until it is drawn."""
        return {key: text.count for key, text in self.texts().items()}

    def draw_texts(self) -> None:
        """Draw the raw texts, unless the store has them; budgets and records need their real numbers of sentences."""
        for text in self.texts().values():
            text.draw()

    @property
    def read(self) -> dict[str, str]:
        """Fingerprints of all that is read, by what messages call it."""
        return {
            CORPUS: self.data.fingerprint,
            **{key: address(text.fingerprint) for key, text in self.texts().items()},
            **{f"model {name}": key for name, key in self.fingerprints.items()},
            **{
                f"systems.{name}.teacher, {tagger.name}": tagger.source.key
                for name, taggers in self.finished_taggers.items()
                for tagger in taggers.values()
            },
        }

    def notes(self) -> list[str]:
        """Return warnings to show before the work begins, a line for each."""
        return [f"{key}: {text.shortage}" for key, text in self.texts().items() if text.shortage]

    def spec(self, system: str) -> ModelSpec:
        """Return the specification of the model that the strategy of a system begins with."""
        return self._specs[self.experiment.start_of(system)]

    def teacher_shapes(self, system: str, seed: int, named: str = "") -> dict[str, Shape]:
        """Return the shapes of the models that label text for a system, or of those of a teacher that a stage names.

        Those of other kinds of taggers are unknown.
        """
        name = named if named in self.experiment.teachers else self.experiment.teacher_of(system)
        if name is None:
            return {}
        teacher = self.experiment.systems[name]
        if teacher.strategy:
            return dict(self._trained(name, seed))
        found: dict[str, Shape | None] = {}
        for each in teacher.members:
            if each.system:
                found |= self._trained(each.system, seed if each.seed is None else each.seed)
                continue
            kind, path = kind_of(each.model or "")
            if kind == "transformers":
                found[path] = ModelSpec.of(path).sizes
        return {each: shape for each, shape in found.items() if shape is not None}

    def _trained(self, system: str, seed: int) -> dict[str, Shape]:
        """The shapes of the models that are trained for a system, by their names."""
        count = self.experiment.systems[system].folds or 1
        return {f"{system}, seed {seed}, fold {fold}": self.spec(system).shape for fold in range(count)}

    def tokenizer(self, system: str) -> Tokenizer:
        """Return the tokenizer of the model that the strategy of a system begins with."""
        return Tokenizer.load(pretrained.resolve(self.experiment.start_of(system)))

    def systems(self) -> list[tuple[str, Strategy]]:
        """Every system that has a strategy with its stages, teachers first."""
        systems = self.experiment.systems
        with_strategy = [name for name in self.in_order() if systems[name].strategy]
        return [(name, self.stages_of(systems[name].role, systems[name].strategy)) for name in with_strategy]

    def in_order(self) -> list[str]:
        """All systems, each after those that it learns from or consists of."""
        systems = self.experiment.systems
        teachers_first = sorted(systems, key=lambda each: systems[each].role != "teacher")
        needed = self.experiment.needed_by
        return list(dict.fromkeys(other for each in teachers_first for other in (*needed(each), each)))

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

    def stages_of(self, role: str, strategy: str) -> Strategy:
        """Read the stages of a system's strategy, within the budget of students."""
        steps = parse(strategy, self.experiment.stages)
        budget = self.experiment.budget
        steps = within(steps, budget, self.words) if budget and role == "student" else steps
        return Strategy(map(_rehearsed, steps)) if self.experiment.tiny else steps

    def words(self, source: Source) -> tuple[int, float]:
        """Return the number of sentences of a source, and the mean number of words (raw text: of the first ones)."""
        text = self.texts().get(source)
        if source not in self._mean_words:
            self._mean_words[source] = mean_words(glance(text.text) if text else self._train)
        if text:
            return text.count, self._mean_words[source]
        parts = self.experiment.cross_validation  # of which a seed learns from all but one, about
        count = len(self._train) if parts is None else len(self._train) * (parts - 1) // parts
        return count, self._mean_words[source]


def glance(text: Text) -> list[Sentence]:
    """Return the first sentences of a text."""
    return list(text.sample(min(_GLANCE, text.sentences)))


def mean_words(sentences: Sequence[Sentence]) -> float:
    """Return their mean number of words."""
    return sum(len(each.spans) for each in sentences) / len(sentences)
