"""Run the sides of a benchmark in fresh processes, in turn, and compare the medians of their runs."""

from __future__ import annotations

import contextlib
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks.shared import fresh, options, peak_mib
from finkd.data.batches import TrainingData
from finkd.losses.aligned_hidden_states import AlignedHiddenStates
from finkd.losses.masked_lm import MaskedLM
from finkd.losses.masked_lm_distillation import MaskedProjection
from finkd.losses.term import Loss
from finkd.models.model import Model
from finkd.progress import Listener, Progress

SEED = 1
PREDICTIONS, TEXT, STATES = 5.0, 2.0, 1.0
Marks = list[tuple[float, int]]
"""(seconds, tokens so far) after each training step."""


class EnoughError(Exception):
    """Raised out of a loop that has run its steps."""


def run(
    about: str | None,
    script: str,
    sides: Sequence[str],
    measure: Callable[[Any], dict[str, Any]],
    ratios: Mapping[str, str],
    **more: Any,
) -> None:
    """Run every side in its own process, in turn, and print the comparison as one JSON line.

    Args:
        about: docstring of the script.
        script: its file, which is started again with ``--side SIDE`` for each run of a side.
        sides: ``trainer`` among them.
        measure: runs the side that the options name; returns its ``tokens_per_second``, ``precision``, ``corpus`` and
            perhaps ``share_of_peak``.
        ratios: name -> side whose speed is compared with the Trainer's.
        more: options besides those that all such benchmarks take; ``steps`` and ``warm_up`` are defaults.
    """
    steps, warm_up = more.pop("steps"), more.pop("warm_up")
    given = options(
        about,
        steps=(steps, "timed steps per run"),
        warm_up=(warm_up, "steps before them"),
        repeats=(3, "runs per side"),
        threads=2,
        hidden={"side": str},
        **more,
    )
    if given.side:
        torch.set_num_threads(given.threads)
        print(json.dumps({**measure(given), "peak_rss_mib": peak_mib()}))
        return
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _, side in itertools.product(range(given.repeats), sides):
        runs[side].append(fresh(script, *sys.argv[1:], "--side", side, OMP_NUM_THREADS=str(given.threads)))
    found = _medians(runs, "tokens_per_second")
    result = {
        "tokens_per_second": {side: round(reached) for side, reached in found.items()},
        **{name: round(found[side] / found["trainer"], 2) for name, side in ratios.items()},
        "peak_rss_mib": {side: max(run["peak_rss_mib"] for run in each) for side, each in runs.items()},
        "precision": {side: each[0]["precision"] for side, each in runs.items()},
        "corpus": runs["trainer"][0]["corpus"],
        **{option: getattr(given, option) for option in ("steps", "repeats", "threads", *more)},
        **{package: version(package) for package in ("torch", "transformers", "accelerate")},
    }
    if "share_of_peak" in runs["trainer"][0]:
        result["share_of_peak"] = {side: round(share, 3) for side, share in _medians(runs, "share_of_peak").items()}
    print(json.dumps(result))


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


def triple_loss(positions: str) -> list[Loss]:
    """Return DistilBERT's losses: predictions of the teacher, the text itself, and the direction of the last states."""
    predictions = MaskedProjection(PREDICTIONS, positions=positions)
    return [predictions, MaskedLM(TEXT), AlignedHiddenStates(STATES, "last", "cosine")]


def speed(marks: Marks, given: Any) -> float:
    """Return tokens a second over the steps after the warm-up."""
    (began, before), (ended, after) = marks[given.warm_up - 1], marks[given.warm_up + given.steps - 1]
    return (after - before) / (ended - began)


def _medians(runs: Mapping[str, list[dict[str, Any]]], figure: str) -> dict[str, float]:
    return {side: statistics.median(run[figure] for run in found) for side, found in runs.items()}


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
