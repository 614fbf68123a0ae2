"""Plan a run: the stages that are stored or shared, and about what the others cost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np

from finkd.corpora.errors import ConfigError, StoreError
from finkd.experiments.configuration.budget import TOKENS_PER_WORD, TextSize, sentences_read
from finkd.machine.speed import layer_speed
from finkd.models.shape import Shape
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Source, Training
from finkd.store import Store
from finkd.strategies.strategy import Step

BACKWARD = 2
"""A backward pass costs two forward passes (Kaplan et al. 2020, arXiv 2001.08361, section 2.1)."""
_FLOAT = 4
_COPIES = 5
"""A weight, its gradient, the two moments of Adam, and in half the size the weight and gradient of the copy in bf16."""
_TEACHER_COPIES = 1.5


class Plannable(Protocol):
    """An experiment whose stages can be planned."""

    @property
    def store(self) -> Store:
        """Store of its results."""

    @property
    def precision(self) -> Literal["fp32", "bf16"]:
        """What its trainings compute in."""

    @property
    def labels(self) -> Sequence[str]:
        """Labels of its corpus."""

    @property
    def seeds(self) -> Sequence[int]:
        """One run of every system for each."""

    def addresses(self, seed: int) -> Iterator[tuple[str, str, list[tuple[Step, str]]]]:
        """Every system's stages with their addresses; see ``Prepared.addresses``."""

    def spec(self, system: str) -> ModelSpec:
        """The specification of the model that the strategy of a system begins with."""

    def teacher_shapes(self, system: str, seed: int, named: str = "") -> dict[str, Shape]:
        """The shapes of the models that a system learns from, by their names."""

    def words(self, source: Source) -> tuple[int, float]:
        """The number of sentences of a source, and the mean number of words."""


class _Reader(NamedTuple):
    """A teacher that a stage runs, and how many sentences it reads in one epoch."""

    teacher: Shape
    sentences: float


@dataclass(frozen=True)
class Planned:
    """One stage of one system.

    Attributes:
        seed: its seed.
        system: name of the system, or of the strategy that makes another teacher for one.
        stage: as written in the strategy.
        key: its address in the store.
        state: ``"stored"``; ``"shared"`` with a system before it, which computes it; or still ``"to do"``.
        seconds: about how long it takes, if it is to do; 0 for stages that train nothing.
        bytes: about how much memory it takes beside that of the program, if it trains.
        disk: about how many bytes it writes: its model, and outputs of its teacher.
    """

    seed: int
    system: str
    stage: str
    key: str
    state: Literal["stored", "shared", "to do"]
    seconds: float = 0.0
    bytes: int = 0
    disk: int = 0


def plan(prepared: Plannable, speed: float | None = None) -> list[Planned]:
    """All stages of an experiment in the order in which a run takes them; nothing is computed or written.

    Args:
        prepared: the experiment.
        speed: floating-point operations a second; by default those that this machine can do now.

    Times are floating-point operations over the speed that this machine shows on a layer of an encoder now. Copies made
    by entity replacement, whose number nobody knows before, are not in them.
    """
    speed = speed or layer_speed(prepared.precision)
    found: list[Planned] = []
    seen: set[str] = set()
    read: dict[tuple[object, ...], float] = {}
    for seed in prepared.seeds:
        for name, system, stages in prepared.addresses(seed):
            if name != system and seen.issuperset(key for _, key in stages):
                continue  # a teacher that another system has asked for
            spec = prepared.spec(system)
            sizes = sentences_read([step for step, _ in stages], prepared.words)
            for (step, key), size in zip(stages, sizes, strict=True):
                spec, training = step.stage.validate(spec), step.stage.training
                teachers = prepared.teacher_shapes(system, seed, getattr(step.stage, "teacher", ""))
                asked = _asked(training, size, teachers, read) if training else []
                if prepared.store.has(key):
                    found.append(Planned(seed, name, step.name, key, "stored"))
                elif key in seen:
                    found.append(Planned(seed, name, step.name, key, "shared"))
                else:
                    cost = _cost(training, size, spec.shape, asked, speed) if training else (0.0, 0)
                    disk = _disk(training, size, spec.shape, asked, prepared)
                    found.append(Planned(seed, name, step.name, key, "to do", *cost, disk))
                seen.add(key)
    return found


def _asked(
    training: Training, size: TextSize, teachers: Mapping[str, Shape], read: dict[tuple[object, ...], float]
) -> list[_Reader]:
    """The teachers that a stage runs: what they have read for another stage, they do not read again.

    Of members in turn it is the largest, which stands for all of them. Of parts of a text, the larger ones are taken to
    hold the smaller.
    """
    if not training.has_teacher:
        return []
    if not training.caches_teacher:
        return [_Reader(teacher, size.sentences) for teacher in teachers.values()]
    if training.in_turn and teachers:
        largest = max(teachers, key=lambda name: teachers[name].parameters)
        teachers = {largest: teachers[largest]}
    asked = []
    for name, teacher in teachers.items():
        key = (name, training.source, training.copies, training.state_bytes)
        before = read.get(key, 0.0)
        if size.sentences > before:
            asked.append(_Reader(teacher, size.sentences - before))
            read[key] = size.sentences
    return asked


def _cost(
    training: Training, size: TextSize, student: Shape, asked: Sequence[_Reader], speed: float
) -> tuple[float, int]:
    """About how long a stage trains, in seconds, and how much memory it takes, in bytes, with the teachers it runs."""
    schedule = training.schedule
    sentences, words = size
    length = np.array([TOKENS_PER_WORD * words])
    learning = sentences * (1 + BACKWARD) * student.flops_per_token(length)[0] * schedule.epochs
    readings = 1 if training.caches_teacher else schedule.epochs
    read = sum(each.sentences * each.teacher.flops_per_token(length)[0] for each in asked)
    seconds = float(TOKENS_PER_WORD * words * (learning + read * readings) / speed)
    taught = _TEACHER_COPIES * sum(each.teacher.parameters for each in asked)
    memory = _FLOAT * (_COPIES * student.parameters + taught)
    # What a layer keeps for its backward pass: Korthikanti et al. 2022, arXiv 2205.05198, equation 1, in 32 bits.
    kept = 2 * schedule.batch_tokens * student.width * (34 + 5 * student.heads * length[0] / student.width)
    return min(seconds, schedule.seconds or seconds), int(memory + student.layers * kept)


def _disk(
    training: Training | None, size: TextSize, student: Shape, asked: Sequence[_Reader], prepared: Plannable
) -> int:
    """About how many bytes a stage writes: the model, and what it keeps of its teachers' outputs."""
    model = _FLOAT * student.parameters
    if training is None or not training.caches_teacher:
        return model
    sentences, words = size
    labels = _FLOAT * len(prepared.labels) * words * (sentences + sum(each.sentences for each in asked))
    width = max((each.teacher.width for each in asked), default=0)
    is_exact = training.state_bytes > 1 and prepared.precision == "fp32"
    each = (_FLOAT if is_exact else training.state_bytes) * width * (student.layers + 1)
    states = each * TOKENS_PER_WORD * words * sentences
    return int(model + labels + states)


def check_room(prepared: Plannable, folder: Path) -> None:
    """Check that the disk has room for what a run would write.

    Raises:
        StoreError: if it has not.
    """
    try:
        planned = plan(prepared, speed=1.0)
    except ConfigError:
        return  # a shape that is not known has no estimate
    # A checkpoint takes less on disk than its training in memory.
    needed = sum(each.disk for each in planned) + max((each.bytes for each in planned), default=0)
    free = shutil.disk_usage(next(each for each in (folder, *folder.absolute().parents) if each.exists())).free
    if needed > free:
        raise StoreError(
            f"{folder}: this run would write about {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; choose "
            "another --out, remove stored stages (finkd store gc), or run fewer seeds at a time"
        )
