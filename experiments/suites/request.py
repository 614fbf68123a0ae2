"""The request for a suite, the records that it keeps, and the models that it trains."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from finkd.compression.quantization import ENTRY
from finkd.corpora.errors import UnknownNameError
from finkd.corpora.files import folder_lock
from finkd.corpora.registry import unknown
from finkd.corpora.tasks.dialogues import DialogueData
from finkd.corpora.tasks.questions import QuestionData
from finkd.corpora.tasks.task import TaskData
from finkd.experiments.configuration.names import slug
from finkd.experiments.running.events import Event, ignored
from finkd.experiments.running.publish import publish
from finkd.models import pretrained
from finkd.models.config_file import read_config
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.progress import Listener, Progress
from finkd.records import Resources
from finkd.runtimes.resources import folder_bytes
from finkd.settings import deciding
from finkd.stages.stage import CHECKPOINT_SECONDS
from finkd.store import Store, Stored, address
from finkd.suites.classifier import TRAININGS
from finkd.suites.record import SUFFIX, TaskRecord
from finkd.system.environment import environment
from finkd.system.precision import resolve_precision
from finkd.training.checkpoints import Checkpoints

Data = TaskData | QuestionData | DialogueData
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
        return Store(self.out.parent / "store")

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
    return f"distilled from {Path(teacher).name}"


def kept(request: Request, frame: TaskRecord, decides: Mapping[str, Any], make: Callable[[], TaskRecord]) -> TaskRecord:
    """Return a record from an earlier run of the same, or a new one, which is written down.

    Args:
        request: whose record it is.
        frame: the record without what has to be computed.
        decides: everything beside the frame's names that decides what comes out.
        make: computes it.
    """
    already = found(request, frame, decides)
    if already is not None:
        return already
    began = time.perf_counter()
    made = make()
    seconds = made.seconds or time.perf_counter() - began
    key = _key(frame, decides)
    known = environment(resolve_precision("auto"))
    record = replace(made, key=key, seconds=seconds, stages=request.stages, environment=known)
    record.save(_path(request, frame))
    request.listen(Event(record.system, record.seed, record=record, task=record.task))
    return record


def found(request: Request, frame: TaskRecord, decides: Mapping[str, Any]) -> TaskRecord | None:
    """Return a record from an earlier run of the same, with the role that is asked for now; see ``kept``."""
    path = _path(request, frame)
    record = TaskRecord.load(path) if path.is_file() else None
    if record is None or record.key != _key(frame, decides):
        return None
    if record.role != frame.role:
        record = replace(record, role=frame.role)
        record.save(path)
    return record


def _key(frame: TaskRecord, decides: Mapping[str, Any]) -> str:
    return address(json.loads(json.dumps({"version": 1, "id": frame.id, **decides})))


def _path(request: Request, frame: TaskRecord) -> Path:
    words = (frame.suite, frame.task, frame.split, frame.system, frame.method, f"seed-{frame.seed}")
    return request.out / "records" / f"{'-'.join(map(slug, words))}{SUFFIX}"


def plain(value: Any) -> dict[str, Any]:
    """Return a settings object as JSON values, for an address."""
    found: dict[str, Any] = json.loads(json.dumps(deciding(value)))
    return found


def chosen(request: Request, known: Sequence[str]) -> list[str]:
    """Return the suite's tasks that are asked for, in the suite's order.

    Raises:
        UnknownNameError: if one is not among them.
    """
    for name in request.tasks:
        if name not in known:
            raise UnknownNameError(unknown("tasks", name, list(known)))
    return [name for name in known if name in request.tasks or not request.tasks]


@dataclass(frozen=True)
class Learner:
    """A model that learns a task when it is first asked for, unless the store has it.

    Attributes:
        request: whose model, teacher and store.
        data: the task.
        settings: of the training, a dataclass.
        seed: of everything random.
        train: trains the model with what was prepared, telling a listener.
        of_teacher: settings of the teacher's training.
        prepare: makes what is needed beside the data, such as what the teacher says; its time is not the training's.
    """

    request: Request
    data: Data
    settings: Any
    seed: int
    train: Callable[[Learner, Any, Listener], Model]
    of_teacher: Any
    prepare: Callable[[Learner, Listener], Any]

    @property
    def decides(self) -> dict[str, Any]:
        """Everything beside the seed that decides what is learnt."""
        origin = {"model": self.request.origin, "data": self.data.fingerprint, "settings": plain(self.settings)}
        if self.request.teacher is None:
            return origin
        taught = {"teacher": pretrained.fingerprint(self.request.teacher), "of_teacher": plain(self.of_teacher)}
        if self.request.from_fine_tuned is not None:
            taught["from_fine_tuned"] = self.request.from_fine_tuned.key
        return origin | taught | {"labels": resolve_precision("auto")}

    @cached_property
    def teacher(self) -> Learner | None:
        """The request's teacher, which learns the task from the labels alone."""
        if self.request.teacher is None:
            return None
        request = replace(self.request, model=self.request.teacher, teacher=None, from_fine_tuned=None)
        return replace(self, request=request, settings=self.of_teacher)

    @property
    def start(self) -> Model:
        """The model that learns the task."""
        if self.request.from_fine_tuned is None or self.teacher is None:
            return self.request.loaded
        return load_model(str(self.request.from_fine_tuned.make(self.teacher.folder)))

    @property
    def folder(self) -> Path:
        """Of the model when it has learnt."""
        return self._stored.folder

    def checkpoints(self, part: str) -> Checkpoints:
        """Those of one of ``TRAININGS``."""
        return self._checkpoints[part]

    @cached_property
    def _checkpoints(self) -> dict[str, Checkpoints]:
        keys = {part: address({"checkpoints": self.key, "part": part}) for part in TRAININGS}
        return {part: Checkpoints(self.request.store, key, CHECKPOINT_SECONDS) for part, key in keys.items()}

    @cached_property
    def model(self) -> Model:
        """The model when it has learnt."""
        return load_model(self.folder, for_texts=True)

    @property
    def key(self) -> str:
        """Its address in the store."""
        precision = resolve_precision("auto")
        known = {"learns": self.data.name, "seed": self.seed, "precision": precision}
        return address({"version": 1, **known, **self.decides})

    def noted(self, record: TaskRecord, too_long: int) -> TaskRecord:
        """Publish the model below ``models`` of the output folder; return its record with facts of the training."""
        words = (record.task, record.system, record.method, f"seed-{record.seed}")
        publish(self._stored.folder, self.request.out / "models" / "-".join(map(slug, words)))
        config, seconds = plain(self.settings), float(self._stored.facts["seconds"])
        packed = read_config(self._stored.folder).get(ENTRY)
        if packed is not None and record.resources is not None:
            record = replace(record, resources=replace(record.resources, bytes=int(packed)))
        return replace(record, too_long=too_long, seconds=seconds, model=self.key, config=config)

    @cached_property
    def _stored(self) -> Stored:
        stage = "task-distill" if self.request.teacher else "finetune"
        facts = {"kind": f"{stage} {self.data.name}", "seconds": 0.0}

        def fill(folder: Path) -> None:
            listen = self.request.watched(self.data.name, self.seed, stage)
            prepared = self.prepare(self, listen)
            began = time.perf_counter()
            self.train(self, prepared, listen).save(folder)
            facts["seconds"] = time.perf_counter() - began + sum(each.seconds for each in self._checkpoints.values())

        stored = self.request.store.made(self.key, facts, fill)
        for checkpoints in self._checkpoints.values():
            checkpoints.clear()
        return stored
