"""What benchmarks of several sides share: each side in a fresh process, in turn, and the median of its runs."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finkd.progress import Listener, Progress

Marks = list[tuple[float, int]]
"""(seconds, pieces so far) after each training step."""


class EnoughError(Exception):
    """Raised out of a loop that has run its steps."""


def until_enough(loop: Callable[[], object]) -> None:
    """Run a loop until it is left by ``EnoughError``."""
    try:
        loop()
    except EnoughError:
        return


def in_turn(script: str, sides: Sequence[str], repeats: int) -> dict[str, list[dict[str, Any]]]:
    """Results of each side: ``script --side SIDE`` with this process's options, which prints one JSON line."""
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _, side in itertools.product(range(repeats), sides):
        command = [sys.executable, script, *sys.argv[1:], "--side", side]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        runs[side].append(json.loads(run.stdout.splitlines()[-1]))
    return runs


def medians(runs: dict[str, list[dict[str, Any]]], figure: str) -> dict[str, float]:
    """The median of a figure over the runs of each side."""
    return {side: statistics.median(run[figure] for run in found) for side, found in runs.items()}


def speed(marks: Marks, warm_up: int, steps: int) -> float:
    """Pieces a second over the steps after the warm-up."""
    (began, before), (ended, after) = marks[warm_up - 1], marks[warm_up + steps - 1]
    return (after - before) / (ended - began)


def finkd_clock(marks: Marks, steps: int) -> Listener:
    """A listener that notes each step of finkd's loop, and leaves the loop after so many."""

    def listen(progress: Progress) -> None:
        marks.append((progress.seconds, progress.tokens))
        if progress.step == steps:
            raise EnoughError

    return listen


def trainer_clock(marks: Marks, pieces: Sequence[int], batch: int) -> Any:
    """A callback that notes each step of a Trainer, which reads its examples in their natural order.

    Args:
        marks: added to.
        pieces: of each example, without padding.
        batch: examples of a step.
    """
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.at = self.tokens = 0

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            stop = min(self.at + batch, len(pieces))
            self.tokens += sum(pieces[self.at : stop])
            self.at = stop % len(pieces)
            marks.append((time.perf_counter(), self.tokens))

    return Clock()


def trainer_arguments(folder: str, steps: int, batch: int, seed: int) -> Any:
    """A Trainer's defaults, without reports and saved files, on the processor and in the examples' natural order."""
    from transformers import TrainingArguments
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return TrainingArguments(
        folder,
        per_device_train_batch_size=batch,
        max_steps=steps,
        train_sampling_strategy="sequential",
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        seed=seed,
    )
