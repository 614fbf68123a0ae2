"""Experiment trackers: losses and scores of a run, sent to TensorBoard, Weights & Biases or MLflow by accelerate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from finkd.corpora.errors import ConfigError

if TYPE_CHECKING:
    from finkd.experiments.running.events import Event, Listener

Tracker = Literal["tensorboard", "wandb", "mlflow"]
_PACKAGES: dict[Tracker, tuple[str, ...]] = {
    "tensorboard": ("tensorboard", "tensorboardX"),
    "wandb": ("wandb",),
    "mlflow": ("mlflow",),
}
"""Packages of which each tracker needs one."""
_SECONDS = 1.0
"""Between two steps of a system that are sent."""


@contextmanager
def tracked(name: Tracker | None, run: str, folder: Path, listen: Listener) -> Iterator[Listener]:
    """Return a listener that passes events on, and sends losses and scores to a tracker.

    Args:
        name: of the tracker; ``None`` only passes events on.
        run: what the tracker calls the run.
        folder: TensorBoard's files lie in its folder ``tracking``.
        listen: what events are passed on to.

    Raises:
        ConfigError: if the tracker's package is not installed.
    """
    if name is None:
        yield listen
        return
    if not any(find_spec(package) for package in _PACKAGES[name]):
        raise ConfigError(f"--track {name}: needs the package {_PACKAGES[name][-1]}: pip install {_PACKAGES[name][-1]}")
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    PartialState()  # of which accelerate's trackers ask whether this is the first process
    kind: Any = LOGGER_TYPE_TO_CLASS[name]
    tracker = kind(run, logging_dir=folder / "tracking") if kind.requires_logging_directory else kind(run)
    tracker.start()
    try:
        yield _Tracking(tracker, listen)
    finally:
        tracker.finish()


class _Tracking:
    """Sends what trackers draw, under ``SYSTEM/seed-N``, of suites ``SYSTEM/TASK/seed-N``; steps count over stages."""

    def __init__(self, tracker: Any, listen: Listener) -> None:
        self._tracker, self._listen = tracker, listen
        self._before: dict[str, int] = {}
        self._step: dict[str, int] = {}
        self._sent: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Pass an event on, and send what it holds."""
        self._listen(event)
        name = "/".join(part for part in (event.system, event.task, f"seed-{event.seed}") if part)
        if event.record is not None:
            self._tracker.log(
                {f"{name}/{key}": value for key, value in _scores(event.record).items()}, self._step.get(name, 0)
            )
        elif event.progress is None:
            self._before[name] = self._step.get(name, 0)
        else:
            step = self._step[name] = self._before.get(name, 0) + event.progress.step
            is_last, now = event.progress.step == event.progress.steps, time.monotonic()
            if event.progress.loss is not None and (is_last or now - self._sent.get(name, -_SECONDS) >= _SECONDS):
                self._sent[name] = now
                speed = event.progress.tokens_per_second
                self._tracker.log({f"{name}/loss": event.progress.loss, f"{name}/tokens_per_second": speed}, step)


def _scores(record: Any) -> dict[str, float]:
    """Return the scores of a tagger, or the metrics of a general task."""
    if hasattr(record, "scores"):
        found = {"micro_f1": record.scores.micro.f1, "macro_f1": record.scores.macro_f1}
    else:
        found = dict(record.metrics)
    return {name: value for name, value in found.items() if value is not None}
