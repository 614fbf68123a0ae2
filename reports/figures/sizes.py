"""Micro-F1 against bytes, of models in several runtimes, with their speed as the area of each mark."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from finkd.reports.figures.canvas import COLOURS
from finkd.reports.figures.scatter import Point, scatter
from finkd.reports.sections import Spread
from finkd.reports.table import plain
from finkd.runtimes.record import BenchmarkRecord


def sizes(records: Sequence[BenchmarkRecord]) -> Figure | None:
    """The picture; ``None`` if nothing was scored. Each way to hold the weights has a colour."""
    scored = [(each, score) for each in records if (score := Spread.of(each.f1))]
    if not scored:
        return None
    held = list(dict.fromkeys(_held(each) for each, _ in scored))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(held)}
    points = [
        Point(
            plain(each.system),
            (_packed(each) or each.bytes) / 1e6,
            score,
            1 / each.latency_ms["p50"],
            colours[_held(each)],
        )
        for each, score in scored
    ]
    return scatter(points, (), "weights (MB)", "speed at batch 1", colours)


def _held(each: BenchmarkRecord) -> str:
    return "packed" if _packed(each) else each.runtime


def _packed(each: BenchmarkRecord) -> int | None:
    """Bytes of a file without gaps, for the runtime that holds the same weights as floats."""
    return each.packed_bytes if each.runtime == "eager" else None
