"""The request that one model is tried on a suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from finkd.corpora.errors import UnknownNameError
from finkd.corpora.files import folder_lock
from finkd.corpora.registry import unknown
from finkd.corpora.tasks.dialogues import Dialogue
from finkd.corpora.tasks.questions import QuestionData
from finkd.corpora.tasks.task import SplitData, TaskData
from finkd.experiments.configuration.layout import store_beside
from finkd.experiments.running.events import Event, ignored
from finkd.models import pretrained
from finkd.models.loading import load_model
from finkd.models.lookup import model_name
from finkd.models.model import Model
from finkd.progress import Progress
from finkd.records import Resources
from finkd.runtimes.resources import folder_bytes
from finkd.store import Store
from finkd.suites.record import TaskRecord

Data = TaskData | QuestionData | SplitData[Dialogue]
FINE_TUNED = "fine-tuned"
"""The method of learning from the labels alone."""


@dataclass(frozen=True)
class FromFineTuned:
    """How a student is made of a fine-tuned teacher.

    Attributes:
        key: of everything that decides it beside the teacher.
        make: takes the folder of the teacher, and returns that of the student.
    """

    key: str
    make: Callable[[Path], Path]


@dataclass(frozen=True)
class Request:
    """One model, to be tried on a suite.

    Attributes:
        model: its name or folder.
        system: what tables call it.
        role: ``"teacher"`` or ``"student"``.
        out: folder of the records.
        seeds: one run of every task for each.
        tasks: which of the suite's; none stand for all.
        settings: those that replace the suite's own.
        stages: addresses in the store of those that made the model.
        teacher: name or folder of a model to learn from beside gold.
        teacher_settings: those with which the teacher learns; by default the request's, but for what is a student's.
        from_fine_tuned: how a student is made of the teacher that has learned a task, rather than be ``model``.
        listen: called as the work goes on.
    """

    model: str
    system: str
    role: str
    out: Path
    seeds: tuple[int, ...] = (1,)
    tasks: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    teacher: str | None = None
    teacher_settings: Mapping[str, Any] | None = None
    from_fine_tuned: FromFineTuned | None = None
    listen: Callable[[Event], None] = ignored

    @cached_property
    def origin(self) -> str:
        """Address of the model's weights and tokenizer."""
        return pretrained.fingerprint(self.model)

    @cached_property
    def loaded(self) -> Model:
        """The model."""
        return load_model(self.model)

    @cached_property
    def resources(self) -> Resources:
        """Its size."""
        return Resources(
            parameters=sum(parameter.numel() for parameter in self.loaded.encoder.parameters()),
            embedding_parameters=self.loaded.embeddings.weight.numel(),
            bytes=folder_bytes(pretrained.resolve(self.model)),
        )

    @property
    def store(self) -> Store:
        """Store of the results that suites compute once."""
        return Store(store_beside(self.out))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the output folder against other runs, and the store against being pruned."""
        with folder_lock(self.out), self.store.in_use():
            yield

    @property
    def method(self) -> str:
        """Name of the training method: from the labels alone, or from its teacher beside them."""
        return distilled_from(self.teacher) if self.teacher else FINE_TUNED

    def frame(self, suite: str, data: Data, split: str, method: str, seed: int, **parts: Any) -> TaskRecord:
        """Return a record without what has to be computed; ``parts`` are other fields of ``TaskRecord``."""
        known = {"system": self.system, "role": self.role, "samples": data.samples, "fingerprint": data.fingerprint}
        return TaskRecord(suite, data.name, split, method=method, seed=seed, **{**known, **parts})

    def watched(self, task: str, seed: int, stage: str) -> Callable[[Progress], None]:
        """Say that a stage begins; what follows its training."""
        begins = Event(self.system, seed, stage, task=task)
        self.listen(begins)
        return lambda progress: self.listen(replace(begins, progress=progress))


def distilled_from(teacher: str) -> str:
    """Return the name of the method of learning from a teacher, too."""
    return f"distilled from {model_name(teacher)}"


def chosen(request: Request, known: Sequence[str]) -> list[str]:
    """Return the suite's tasks that are asked for, in the suite's order.

    Raises:
        UnknownNameError: if one is not among them.
    """
    for name in request.tasks:
        if name not in known:
            raise UnknownNameError(unknown("tasks", name, list(known)))
    return [name for name in known if name in request.tasks or not request.tasks]
