"""Models that learn a general task: kept in the store, so that none learns the same twice, and shown by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from finkd.experiments.configuration.names import slug
from finkd.experiments.running.publish import publish
from finkd.experiments.suites.request import Request
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.progress import Listener, Progress
from finkd.store import Stored, address
from finkd.suites.record import TaskRecord
from finkd.system.precision import resolve_precision


@dataclass(frozen=True)
class Learner:
    """A model that learns a task when it is first asked for, unless the store has it.

    Attributes:
        request: whose model and store.
        task: name of the task.
        seed: of everything random.
        stage: what progress calls the training.
        decides: everything beside the seed that decides what is learnt.
        teach: trains a model, telling a listener.
    """

    request: Request
    task: str
    seed: int
    stage: str
    decides: Mapping[str, Any]
    teach: Callable[[Listener], Model]

    @cached_property
    def model(self) -> Model:
        """The model when it has learnt."""
        return load_model(self._stored.folder, for_texts=True)

    @property
    def key(self) -> str:
        """Its address in the store."""
        precision = resolve_precision("auto")
        return address({"version": 1, "learns": self.task, "seed": self.seed, "precision": precision, **self.decides})

    @property
    def seconds(self) -> float:
        """Of its training."""
        return float(self._stored.facts["seconds"])

    def publish(self, frame: TaskRecord) -> None:
        """Show the model below ``models`` of the output folder, under the name of a record."""
        words = (frame.task, frame.system, frame.method, f"seed-{frame.seed}")
        publish(self._stored.folder, self.request.out / "models" / "-".join(map(slug, words)))

    @cached_property
    def _stored(self) -> Stored:
        facts = {"kind": f"{self.stage} {self.task}", "seconds": 0.0}

        def watch(progress: Progress) -> None:
            facts["seconds"] = progress.seconds
            listen(progress)

        listen = self.request.watched(self.task, self.seed, self.stage)
        return self.request.store.made(self.key, facts, lambda folder: self.teach(watch).save(folder))
