"""What benchmarks of several sides share: each side in a fresh process, in turn, and the median of its runs."""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finkd.progress import Listener, Progress

Marks = list[tuple[float, int]]
"""(seconds, tokens so far) after each training step."""


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


def parser(about: str | None, sides: Sequence[str], steps: int, warm_up: int) -> argparse.ArgumentParser:
    """Options that every benchmark of sides takes; ``--side`` is how it starts one of them."""
    found = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--steps", type=int, default=steps, help="timed steps per run")
    found.add_argument("--warm-up", type=int, default=warm_up, help="steps before them")
    found.add_argument("--repeats", type=int, default=3, help="runs per side")
    found.add_argument("--threads", type=int, default=2)
    found.add_argument("--side", choices=sides, help=argparse.SUPPRESS)
    return found


def compared(
    runs: dict[str, list[dict[str, Any]]], arguments: argparse.Namespace, ratios: dict[str, str]
) -> dict[str, Any]:
    """What every benchmark of sides reports.

    Args:
        runs: of each side, ``trainer`` among them.
        arguments: as parsed.
        ratios: name -> side whose speed is compared with the Trainer's.
    """
    found = medians(runs, "tokens_per_second")
    return {
        "tokens_per_second": {side: round(reached) for side, reached in found.items()},
        **{name: round(found[side] / found["trainer"], 2) for name, side in ratios.items()},
        "peak_rss_mib": {side: max(run["peak_rss_mib"] for run in each) for side, each in runs.items()},
        "precision": {side: each[0]["precision"] for side, each in runs.items()},
        "corpus": runs["trainer"][0]["corpus"],
        **{option: getattr(arguments, option) for option in ("steps", "repeats", "threads")},
        **{package: version(package) for package in ("torch", "transformers", "accelerate")},
    }


def speed(marks: Marks, warm_up: int, steps: int) -> float:
    """Tokens a second over the steps after the warm-up."""
    (began, before), (ended, after) = marks[warm_up - 1], marks[warm_up + steps - 1]
    return (after - before) / (ended - began)


def finkd_clock(marks: Marks, steps: int) -> Listener:
    """A listener that notes each step of finkd's loop, and leaves the loop after so many."""

    def listen(progress: Progress) -> None:
        marks.append((progress.seconds, progress.tokens))
        if progress.step == steps:
            raise EnoughError

    return listen


def trainer_clock(marks: Marks, tokens: Sequence[int], batch: int) -> Any:
    """A callback that notes each step of a Trainer, which reads its examples in their natural order.

    Args:
        marks: added to.
        tokens: of each example, without padding.
        batch: examples of a step.
    """
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.at = self.tokens = 0

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            stop = min(self.at + batch, len(tokens))
            self.tokens += sum(tokens[self.at : stop])
            self.at = stop % len(tokens)
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
