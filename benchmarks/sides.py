"""What benchmarks of several sides share: each side in a fresh process, in turn, and the median of its runs."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

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
