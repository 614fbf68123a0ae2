"""One strategy on one model, outside an experiment."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finkd import corpora
from finkd.corpora.corpus import NerData
from finkd.corpora.errors import DataError
from finkd.data.raw_text import KeptText, RawText, Text
from finkd.execution import lineage
from finkd.execution.lineage import Outcome
from finkd.execution.strategy_teachers import StrategyTeachers
from finkd.experiments.running.events import Listener, Watch, ignored
from finkd.experiments.running.publish import publish
from finkd.machine.precision import resolve_precision
from finkd.models import pretrained
from finkd.models.loading import load_model
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Context
from finkd.store import Store
from finkd.strategies.parsing import parse
from finkd.strategies.strategy import Step, Strategy
from finkd.teachers.teacher import Teacher

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckedStrategy:
    """A strategy that fits the model that it begins with.

    Attributes:
        model: name or folder of that model.
        steps: the stages.
        context: that they run in.
        stages: settings by stage, for strategies that make teachers of the model.
    """

    model: str
    steps: Strategy
    context: Context
    stages: Mapping[str, Mapping[str, Any]]

    def addresses(self) -> Iterator[tuple[str, list[tuple[Step, str]]]]:
        """Addresses of the stages' results in the store; nothing is computed.

        Yields:
            the name of a strategy that makes a teacher for some stage, or ``""`` for this one, which comes last, and
            its stages with their addresses.

        Raises:
            ConfigError: if a stage lacks something that it needs.
        """
        strategy_teachers = self._strategy_teachers()
        context = strategy_teachers.within(self.context)
        for name, steps in {**strategy_teachers.of(self.steps), "": self.steps}.items():
            keys = lineage.addresses(strategy_teachers.start, steps, context)
            yield name, list(zip(steps, keys, strict=True))

    def run(self, out: Path, listen: Listener = ignored) -> Outcome:
        """Run the stages, or take them from the store.

        Args:
            out: where the new model is to be found; its name is what progress calls it.
            listen: called as the work goes on.

        Returns:
            the result in the store, which ``out`` shows.

        Raises:
            StoreError: if ``out`` cannot be replaced.
        """
        with self.context.store.in_use():
            outcome = self.outcome(out.name, listen)
            assert outcome.folder is not None
            publish(outcome.folder, out)
            return outcome

    def outcome(self, name: str, listen: Listener = ignored) -> Outcome:
        """Run the stages, or take them from the store, where alone the new model is to be found.

        Args:
            name: what progress calls it.
            listen: called as the work goes on.
        """
        watch = Watch(name, self.context.seed, listen)
        strategy_teachers = replace(self._strategy_teachers(), begins=watch.teaches)
        context = strategy_teachers.within(replace(self.context, listen=watch.training))
        return lineage.run(self.model, strategy_teachers.start, self.steps, context, watch.begins)

    def _strategy_teachers(self) -> StrategyTeachers:
        return StrategyTeachers(self.model, pretrained.fingerprint(self.model), self.stages)


def checked(
    strategy: str,
    *,
    store: Store,
    model: str,
    data: NerData | None = None,
    text: Text | RawText | None = None,
    general: Text | RawText | None = None,
    teacher: Teacher | None = None,
    labels: tuple[str, ...] | None = None,
    stages: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 1,
) -> CheckedStrategy:
    """Check a strategy.

    Args:
        strategy: its stages in the textual form.
        store: of finished stages.
        model: name or folder of the model to begin with.
        data: a labelled corpus, of which the training split is read.
        text: unlabelled text, for stages that read the domain's.
        general: unlabelled text for stages that read any; by default ``text``.
        teacher: what stages learn from; by default the model that they begin with.
        labels: IOB2 labels to learn; by default those of the corpus.
        stages: settings by stage or by stage and variant.
        seed: of everything random.

    Raises:
        ConfigError: if a stage cannot follow those before it.
        DataError: if the corpus has no training split.
    """
    stages = stages or {}
    steps = parse(strategy, stages)
    if data is not None and not data.splits.get("train"):
        raise DataError(f"{data.name}: has no training split")
    if labels is None and data is not None:
        labels = corpora.label_names(data.types)
    spec = ModelSpec.of(model, labels)
    steps.validate(spec)
    text, general = drawn("text", text, store), drawn("general", general, store)
    context = Context(
        train=data.splits["train"] if data else (),
        labels=labels or (),
        corpus=data.fingerprint if data else "",
        seed=seed,
        store=store,
        text=text,
        general=general or text,
        student=spec,
        teacher=teacher or of_model(model),
        precision=resolve_precision("auto"),
    )
    return CheckedStrategy(model, steps, context, stages)


def of_model(model: str) -> Teacher:
    """A model, by name or folder, as a teacher; it is loaded when it is first asked for."""
    spec = ModelSpec.of(model)
    return Teacher(pretrained.fingerprint(model), lambda: load_model(model), spec=spec)


def drawn(key: str, text: Text | RawText | None, store: Store) -> RawText | None:
    """The text, which the store keeps once it is drawn; a warning says if it is shorter than asked for."""
    if not isinstance(text, Text):
        return text
    kept = KeptText(text, store)
    if kept.shortage:
        log.warning("%s: %s", key, kept.shortage)
    return kept
