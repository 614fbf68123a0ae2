"""Plan an experiment on encoders: the stages and fine-tunings that are to do, and about how long they take."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from finkd.corpora.tasks import load_task
from finkd.data.raw_text import KeptText
from finkd.experiments.configuration.budget import TOKENS_PER_WORD
from finkd.experiments.configuration.layout import RECORDS, store_beside
from finkd.experiments.running.inputs import glance, mean_words
from finkd.experiments.running.plan import BACKWARD, Planned, plan
from finkd.experiments.suites.encoder_experiment import TASKS, EncoderExperiment, Tasks
from finkd.experiments.suites.encoders import Students
from finkd.experiments.suites.records import settings_json
from finkd.experiments.suites.request import FINE_TUNED, distilled_from
from finkd.experiments.suites.texts import settings_of
from finkd.machine.precision import resolve_precision
from finkd.machine.speed import layer_speed
from finkd.models.shape import Shape
from finkd.models.spec import ModelSpec
from finkd.stages.stage import Source
from finkd.store import Store
from finkd.strategies.strategy import Step
from finkd.suites.classifier import TextSettings
from finkd.suites.record import load_task_records
from finkd.training.schedule import Schedule

ESTIMATED = ("glue", "imdb")
"""Suites whose fine-tunings are estimated."""


class _Learnt(NamedTuple):
    """A task with its training texts, of a mean number of words."""

    suite: str
    task: str
    texts: int
    words: float


class _PlannedStudents(Students):
    """The students of an experiment, as ``running.plan`` asks for them."""

    labels: Sequence[str] = ()

    def __init__(self, experiment: EncoderExperiment, store: Store) -> None:
        super().__init__(experiment, store)
        self.precision = resolve_precision("auto")
        self._glances: dict[Source, tuple[int, float]] = {}

    @property
    def seeds(self) -> Sequence[int]:
        """One run of every student for each."""
        return self.experiment.seeds

    def addresses(self, seed: int) -> Iterator[tuple[str, str, list[tuple[Step, str]]]]:
        """Every student's stages; those of the teachers that they make come before."""
        for name in self.experiment.systems:
            for strategy, stages in self.made(seed, name).addresses():
                yield strategy or name, name, stages

    def spec(self, system: str) -> ModelSpec:
        """The specification of the model that a student begins with."""
        student = self.experiment.systems.get(system)
        return ModelSpec.of((student and student.start) or self.experiment.teacher)

    def teacher_shapes(self, system: str, seed: int, named: str = "") -> dict[str, Shape]:
        """The shape of the teacher."""
        return {self.experiment.teacher_name: self.teacher}

    @cached_property
    def teacher(self) -> Shape:
        """The shape of the teacher."""
        return ModelSpec.of(self.experiment.teacher).shape

    def shape(self, system: str, seed: int) -> Shape:
        """The shape of the teacher, or of a student when it is made."""
        if system == self.experiment.teacher_name:
            return self.teacher
        spec = self.spec(system)
        return [spec, *self.made(seed, system).steps.validate(spec)][-1].shape

    def words(self, source: Source) -> tuple[int, float]:
        """The number of sentences of a text, and their mean number of words."""
        text = (self.experiment.general if source == "general" else None) or self.experiment.text
        assert text is not None  # its fingerprint was asked for first
        if source not in self._glances:
            self._glances[source] = KeptText(text, self.store).count, mean_words(glance(text))
        return self._glances[source]


def plan_encoders(experiment: EncoderExperiment, out: Path) -> list[Planned]:
    """All stages and fine-tunings of an experiment on encoders; nothing is computed or written.

    Of the fine-tunings those of the suites in ``ESTIMATED`` are among them.

    Args:
        experiment: what to compare.
        out: folder of its results.
    """
    made = _PlannedStudents(experiment, Store(store_beside(out)))
    known = load_task_records([out / RECORDS]) if (out / RECORDS).is_dir() else []
    done = [(each.suite, each.task, each.system, each.method, each.seed, each.config) for each in known]
    speed = layer_speed(made.precision)
    found = plan(made, speed)
    to_do = {(each.seed, each.system) for each in found if each.state != "stored"}
    learnt = [each for suite, chosen in experiment.suites.items() for each in _learnt(suite, chosen)]
    for seed, name in product(experiment.seeds, (experiment.teacher_name, *experiment.systems)):
        shape = made.shape(name, seed)
        for suite, task, texts, words in learnt:
            settings = settings_of(task, experiment.settings_of(suite, name))
            teacher = experiment.teacher_of(suite, name)
            method = distilled_from(teacher) if teacher else FINE_TUNED
            stage = f"{'task-distill' if teacher else 'finetune'} {task}"
            if (suite, task, name, method, seed, settings_json(settings)) in done and (seed, name) not in to_do:
                found.append(Planned(seed, name, stage, "", "stored"))
                continue
            tokens = min(float(settings.limit), TOKENS_PER_WORD * words)
            ours, theirs = (tokens * texts * _flops(each, tokens) / speed for each in (shape, made.teacher))
            how = settings.distill.similar_words
            read = 1 + how.copies * how.share(round(texts * words))
            seconds = _distilled(settings, read, ours, theirs) if teacher else _trained(settings.schedule, ours)
            found.append(Planned(seed, name, stage, "", "to do", seconds))
    return found


def _trained(schedule: Schedule, once: float) -> float:
    """Seconds of a training on texts that a model reads once in ``once`` seconds."""
    return (1 + BACKWARD) * schedule.epochs * once


def _distilled(settings: TextSettings, read: float, ours: float, theirs: float) -> float:
    """Seconds of learning from a teacher, where each model reads the training texts once in that many.

    Args:
        settings: of the task.
        read: how often each text is read in a pass, with its copies.
        ours: seconds of the student.
        theirs: seconds of the teacher.
    """
    how = settings.distill
    labels = read * theirs + _trained(how.schedule or settings.schedule, read * ours)
    states = _trained(how.states_schedule, read * ours) + how.states_schedule.epochs * read * theirs
    return labels + (states if how.states else 0.0)


def _flops(shape: Shape, tokens: float) -> float:
    """Floating-point operations for each token of a text of this many."""
    return float(shape.flops_per_token(np.array([tokens]))[0])


def _learnt(suite: str, chosen: Tasks) -> Iterator[_Learnt]:
    """What the tasks of a suite have a model read."""
    for task in TASKS[suite] if suite in ESTIMATED else ():
        if not chosen.tasks or task in chosen.tasks:
            examples = load_task(task).splits["train"]
            words = statistics.fmean(len(each.first.split()) + len(each.second.split()) for each in examples)
            yield _Learnt(suite, task, len(examples), words)
