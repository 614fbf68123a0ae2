"""Running a strategy stage by stage, taking from the store what was computed before."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finkd.compression.quantization import without_packed_bytes
from finkd.corpora.errors import ConfigError
from finkd.machine import processes
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.progress import Trace
from finkd.records import StageRecord
from finkd.settings import deciding
from finkd.stages.stage import TAGGER, Context
from finkd.store import Stored, address
from finkd.strategies.strategy import Step
from finkd.training.checkpoints import Checkpoints


@dataclass(frozen=True)
class Outcome:
    """Result of a strategy, or of several that make an ensemble.

    Attributes:
        key: content address of the last stage, or of the ensemble.
        folder: the model's folder in the store; ``None`` if it is an ensemble, or a tagger that finkd did not train.
        lineage: one record per stage.
        teachers: one record per stage that made a teacher for one of them, or a member, and is not among them.
    """

    key: str
    folder: Path | None
    lineage: tuple[StageRecord, ...]
    teachers: tuple[StageRecord, ...] = ()

    @classmethod
    def of_members(cls, key: str, members: Sequence[Outcome]) -> Outcome:
        """Return the result of an ensemble, or of a finished tagger, whose trained members are given."""
        stages = [stage for each in members for stage in (*each.teachers, *each.lineage)]
        return cls(key, None, (), tuple({stage.key: stage for stage in stages}.values()))

    def load(self) -> Model:
        """Read the model."""
        assert self.folder is not None
        return load_model(self.folder, any_labels=True)  # a teacher of states may have the labels of another corpus


def addresses(start: str, steps: Sequence[Step], context: Context) -> list[str]:
    """Address of each stage's result: its settings, what it depends on, and its parent's address.

    Raises:
        ConfigError: if a stage lacks something it needs; nothing has been computed then.
    """
    keys = []
    for step, where in with_contexts(steps, context):
        inputs = step.stage.cache_inputs(where)
        # What a stage has resolved, such as a teacher or a recipe, counts by what it is and not by its name.
        plain = {name: value for name, value in deciding(step.stage).items() if name not in inputs}
        kind = {"stage": type(step.stage).__name__, "version": step.stage.version}
        start = address({"parent": start, **kind, "settings": plain, "depends": inputs})
        keys.append(start)
    return keys


def with_contexts(steps: Sequence[Step], context: Context) -> Iterator[tuple[Step, Context]]:
    """Each stage with what it may use: what one holds out is kept from all, a selection counts for those after it."""
    context = reserved(steps, context)
    for step in steps:
        yield step, context
        context = step.stage.narrowed(context)
        if context.student is not None:
            context = replace(context, student=step.stage.validate(context.student))


def reserved(steps: Sequence[Step], context: Context) -> Context:
    """The context of a strategy's stages and of the models that they learn from: without what a stage holds out.

    Raises:
        ConfigError: if two stages hold text out.
    """
    rest = context
    for step in steps:
        without = step.stage.reserved(rest)
        if without is not rest and rest is not context:
            raise ConfigError(f"{step.name}: another stage before it holds text out already; leave one of them out")
        rest = without
    return context if rest is context else rest.with_strategy_teachers(rest)


def run(
    teacher: str,
    start: str,
    steps: Sequence[Step],
    context: Context,
    begins: Callable[[str, int], None] = lambda stage, place: None,
) -> Outcome:
    """Run a strategy on a teacher.

    Every stage that is not whole in the store is computed, also one before others that are: a record holds figures of
    all of them.

    Args:
        teacher: name or folder of the model to begin with.
        start: its address, from ``pretrained.fingerprint``.
        steps: the stages.
        context: what they may use.
        begins: called with the name and the number of each stage that has to be computed.
    """
    keys = addresses(start, steps, context)
    stored = [context.store.get(key) for key in keys]
    processes.wait()  # until every process has seen the same
    cached = [entry is not None for entry in stored]
    model = None
    for index, (step, where) in enumerate(with_contexts(steps, context)):
        if cached[index]:
            model = None  # the stage after it reads it from the store
            _checkpoints(keys[index], where).clear()  # a kill may have come between storing a result and this
            continue
        if model is None:
            found = stored[index - 1] if index else None
            model = load_model(found.folder if found else teacher, any_labels=True)
        _make_teachers(step, where)
        begins(step.name, index)
        model, stored[index], cached[index] = _computed(model, step, keys[index], where)
    lineage = tuple(map(_record, steps, keys, stored, cached))
    last = stored[-1]
    assert last is not None
    return Outcome(keys[-1], last.folder, lineage)


def _make_teachers(step: Step, context: Context) -> None:
    """Make the teachers that a stage names, so that their time is not counted as that of the stage."""
    for name in step.stage.teachers():
        if name != TAGGER:
            context.strategy_teacher(name).model(name)


def _computed(model: Model, step: Step, key: str, context: Context) -> tuple[Model, Stored, bool]:
    """Run a stage; return also whether another run made the result, which had begun it and was waited for."""
    with context.store.turn(key) if processes.is_first() else contextlib.nullcontext():
        processes.wait()
        stored = context.store.get(key)
        if stored is not None:
            return load_model(stored.folder, any_labels=True), stored, True
        return *_compute(model, step, key, context), False


def _compute(model: Model, step: Step, key: str, context: Context) -> tuple[Model, Stored]:
    began = time.perf_counter()
    checkpoints = _checkpoints(key, context)
    trace = Trace(context.listen, checkpoints.losses)
    result, tokens = step.stage.run(
        without_packed_bytes(model), replace(context, checkpoints=checkpoints, listen=trace)
    )
    result.network.to("cpu")  # type: ignore[arg-type]  # wherever it was trained
    seconds = checkpoints.seconds + time.perf_counter() - began
    facts = {"stage": step.name, "seconds": seconds, "tokens": tokens, "losses": trace.losses}
    if processes.is_first():
        with context.store.put(key, facts) as folder:
            result.save(folder)
        checkpoints.clear()
    processes.wait()
    return result, Stored(context.store.root / key, facts)


def _checkpoints(key: str, context: Context) -> Checkpoints:
    return Checkpoints(context.store, key, context.checkpoint_seconds)


def _record(step: Step, key: str, entry: Stored | None, cached: bool) -> StageRecord:
    assert entry is not None  # every stage has been found or computed
    losses = tuple((share, loss) for share, loss in entry.facts.get("losses", ()))
    seconds, tokens = entry.facts["seconds"], entry.facts["tokens"]
    return StageRecord(step.name, key, deciding(step.stage), seconds, tokens, cached, losses, entry.bytes)
