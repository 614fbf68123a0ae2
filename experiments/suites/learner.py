"""Models that learn a task, from its labels alone or from a teacher beside them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from finkd.compression.quantization import ENTRY
from finkd.experiments.configuration.layout import MODELS, slug
from finkd.experiments.running.publish import publish
from finkd.experiments.suites.records import settings_json
from finkd.experiments.suites.request import Data, Request
from finkd.machine.precision import resolve_precision
from finkd.models import pretrained
from finkd.models.config_file import read_config
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.progress import Listener
from finkd.stages.stage import CHECKPOINT_SECONDS
from finkd.store import Stored, address
from finkd.suites.classifier import TRAININGS
from finkd.suites.record import TaskRecord
from finkd.training.checkpoints import Checkpoints


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
        origin = {"model": self.request.origin, "data": self.data.fingerprint, "settings": settings_json(self.settings)}
        if self.request.teacher is None:
            return origin
        taught = {"teacher": pretrained.fingerprint(self.request.teacher), "of_teacher": settings_json(self.of_teacher)}
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
        publish(self._stored.folder, self.request.out / MODELS / "-".join(map(slug, words)))
        config, seconds = settings_json(self.settings), float(self._stored.facts["seconds"])
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
