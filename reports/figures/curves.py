"""The picture of a training: F1 on the scored split above, the loss below, stage by stage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from finkd.reports.figures import canvas
from finkd.reports.figures.canvas import COLOURS, INK
from finkd.reports.table import plain

Point = tuple[int, float, float]
"""Seed, place and figure; a place of 1.5 is the middle of the second stage."""


@dataclass(frozen=True)
class Curve:
    """How a training went.

    Attributes:
        title: what was trained.
        stages: names of its stages, in order.
        scores: micro-F1 on the scored split.
        losses: of the training; they differ in scale from stage to stage.
    """

    title: str
    stages: tuple[str, ...]
    scores: list[Point] = field(default_factory=list)
    losses: list[Point] = field(default_factory=list)


def png(curve: Curve) -> bytes | None:
    """The picture as a PNG file on white; ``None`` if nothing was trained."""
    if not curve.losses and not curve.scores:
        return None
    with canvas.style():
        figure = Figure(figsize=(8, 4.6), facecolor="none")
        FigureCanvasAgg(figure)
        scores, losses = figure.subplots(2, 1, sharex=True, gridspec_kw={"hspace": 0.12, "top": 0.92, "right": 0.97})
        figure.suptitle(plain(curve.title), fontsize=10, x=0.125, ha="left")
        _draw(scores, curve.scores, "micro-F1", marker="o")
        _draw(losses, curve.losses, "loss (log scale)")
        canvas.log_scale(losses)
        _name_stages(scores, losses, curve.stages)
        return canvas.png(figure)


def _draw(axes: Axes, points: Sequence[Point], heading: str, marker: str = "") -> None:
    """A line for each seed, broken between two stages, whose figures cannot be compared."""
    seeds = list(dict.fromkeys(seed for seed, _, _ in points))
    style = {"linewidth": 1.3, "marker": marker, "markersize": 4, "clip_on": False}
    for seed, stage in dict.fromkeys((seed, math.ceil(place)) for seed, place, _ in points):
        own = [(place, figure) for each, place, figure in points if (each, math.ceil(place)) == (seed, stage)]
        axes.plot(*zip(*own, strict=True), color=COLOURS[seeds.index(seed) % len(COLOURS)], **style)  # type: ignore[arg-type]
    axes.set_ylabel(heading)
    axes.grid(axis="y", alpha=0.15, linewidth=0.6, color=INK)


def _name_stages(upper: Axes, lower: Axes, stages: Sequence[str]) -> None:
    """A line between two stages, and their names below."""
    for axes in (upper, lower):
        canvas.borders(axes, len(stages))
    lower.set_xticks([place + 0.5 for place in range(len(stages))], [plain(stage) for stage in stages], fontsize=9)
    lower.tick_params(axis="x", length=0)
