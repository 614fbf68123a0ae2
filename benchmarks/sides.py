"""Run the sides of a benchmark in fresh processes, in turn, and compare the medians of their runs."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finkd.data.batches import TrainingData
    from finkd.models.model import Model
    from finkd.progress import Listener, Progress

SEED = 1
Marks = list[tuple[float, int]]
"""(seconds, tokens so far) after each training step."""


class EnoughError(Exception):
    """Raised out of a loop that has run its steps."""


def with_finkd(loop: Callable[[Listener], object], steps: int) -> Marks:
    """Run finkd's loop, which calls a listener, for some steps; return its marks."""
    marks: Marks = []

    def listen(progress: Progress) -> None:
        marks.append((progress.seconds, progress.tokens))
        if progress.step == steps:
            raise EnoughError

    with contextlib.suppress(EnoughError):
        loop(listen)
    return marks


def in_turn(script: str, sides: Sequence[str], repeats: int) -> dict[str, list[dict[str, Any]]]:
    """Run each side: ``script --side SIDE`` with this process's options, which prints one JSON line."""
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _, side in itertools.product(range(repeats), sides):
        command = [sys.executable, script, *sys.argv[1:], "--side", side]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        runs[side].append(json.loads(run.stdout.splitlines()[-1]))
    return runs


def medians(runs: dict[str, list[dict[str, Any]]], figure: str) -> dict[str, float]:
    """Return the median of a figure over the runs of each side."""
    return {side: statistics.median(run[figure] for run in found) for side, found in runs.items()}


def parser(about: str | None, sides: Sequence[str], steps: int, warm_up: int) -> argparse.ArgumentParser:
    """Return options that every benchmark of sides takes; ``--side`` is how it starts one of them."""
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
    """Return the figures that every benchmark of sides reports.

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
    """Return tokens a second over the steps after the warm-up."""
    (began, before), (ended, after) = marks[warm_up - 1], marks[warm_up + steps - 1]
    return (after - before) / (ended - began)


def with_trainer(
    kind: Any, model: Model, collator: Callable[[Any], Any], rows: Any, data: TrainingData, steps: int, batch: int
) -> Marks:
    """Train with a Trainer at its defaults, on the processor and in the examples' natural order; return its marks.

    Args:
        kind: the Trainer's class.
        model: what is trained.
        collator: makes the data collator of a tokenizer.
        rows: the examples.
        data: the same examples as finkd reads them.
        steps: to train.
        batch: examples of a step.
    """
    from transformers import AutoTokenizer, TrainerCallback, TrainingArguments
    from transformers.utils import logging

    marks: Marks = []
    tokens = data.student.lengths.tolist()

    class Clock(TrainerCallback):
        def __init__(self) -> None:
            self.at = self.tokens = 0

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            stop = min(self.at + batch, len(tokens))
            self.tokens += sum(tokens[self.at : stop])
            self.at = stop % len(tokens)
            marks.append((time.perf_counter(), self.tokens))

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=batch,
            max_steps=steps,
            train_sampling_strategy="sequential",
            use_cpu=True,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            seed=SEED,
        )
        kind(model.network, arguments, collator(tokenizer), rows, callbacks=[Clock()]).train()
    return marks
