"""Learning curves: the losses of a section's systems in small panels, and F1 and loss of a single training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from finkd.records import RunRecord, StageRecord
from finkd.reports.figures import canvas
from finkd.reports.figures.canvas import COLOURS, INK, shortened
from finkd.reports.sections import Section, SystemResults
from finkd.reports.table import plain

_COLUMNS = 3
_PANEL = (3.1, 1.7)
"""Inches of a panel."""
_LETTERS = 15
"""Of a stage's name, so that names do not lie over each other."""


def learning(section: Section) -> Figure | None:
    """Draw a panel for each system; ``None`` if no record knows its losses."""
    systems = [
        system
        for system in section.systems
        if any(stage.losses for record in system.records for stage in record.lineage)
    ]
    if not systems:
        return None
    rows = math.ceil(len(systems) / _COLUMNS)
    figure = canvas.new_figure(_COLUMNS * _PANEL[0], rows * _PANEL[1] + 0.3, layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).flatten()
    for axes, system in zip(panels, systems, strict=False):
        _draw_losses(axes, system)
    for axes in panels[len(systems) :]:
        axes.axis("off")
    return figure


def _draw_losses(axes: Axes, system: SystemResults) -> None:
    """Draw a line for each seed, broken between two stages that train, whose losses cannot be compared."""
    axes.set_title(shortened(system.name, 40), fontsize=8, loc="left")
    for number, record in enumerate(system.records):
        for place, stage in enumerate(_trained(record)):
            points = [(place + share, loss) for share, loss in stage.losses if loss > 0]
            if points:
                axes.plot(*zip(*points, strict=True), color=COLOURS[number % len(COLOURS)], linewidth=0.9)
    axes.set_yscale("log")
    canvas.round_log_ticks(axes.yaxis)
    stages = max(map(_trained, system.records), key=len)
    names = [shortened(stage.kind.replace("task-distill", "task"), _LETTERS) for stage in stages]
    _mark_stages(axes, len(names), names, fontsize=6)
    axes.tick_params(axis="y", labelsize=7)


def _trained(record: RunRecord) -> list[StageRecord]:
    """The stages that train something."""
    return [stage for stage in record.lineage if stage.losses]


Point = tuple[int, float, float]
"""Seed, place and figure; a place of 1.5 is the middle of the second stage."""


@dataclass(frozen=True)
class Curve:
    """Learning curve of one training.

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
    """Draw the learning curve as a PNG file on white; ``None`` if nothing was trained."""
    if not curve.losses and not curve.scores:
        return None
    with canvas.style():
        figure = canvas.new_figure(8, 4.6)
        scores, losses = figure.subplots(2, 1, sharex=True, gridspec_kw={"hspace": 0.12, "top": 0.92, "right": 0.97})
        figure.suptitle(plain(curve.title), fontsize=10, x=0.125, ha="left")
        _draw_seeds(scores, curve.scores, "micro-F1", marker="o")
        _draw_seeds(losses, curve.losses, "loss (log scale)")
        losses.set_yscale("log")
        canvas.round_log_ticks(losses.yaxis)
        _mark_stages(scores, len(curve.stages))
        _mark_stages(losses, len(curve.stages), [plain(stage) for stage in curve.stages], fontsize=9)
        return canvas.png(figure)


def _draw_seeds(axes: Axes, points: Sequence[Point], heading: str, marker: str = "") -> None:
    """Draw a line for each seed, broken between two stages, whose figures cannot be compared."""
    seeds = list(dict.fromkeys(seed for seed, _, _ in points))
    style = {"linewidth": 1.3, "marker": marker, "markersize": 4, "clip_on": False}
    for seed, stage in dict.fromkeys((seed, math.ceil(place)) for seed, place, _ in points):
        own = [(place, figure) for each, place, figure in points if (each, math.ceil(place)) == (seed, stage)]
        axes.plot(*zip(*own, strict=True), color=COLOURS[seeds.index(seed) % len(COLOURS)], **style)  # type: ignore[arg-type]
    axes.set_ylabel(heading)
    axes.grid(True, axis="y")


def _mark_stages(axes: Axes, count: int, names: Sequence[str] = (), fontsize: int = 9) -> None:
    """Make a panel as wide as its stages, with a line between every two and their names below."""
    axes.set_xlim(0, count)
    for border in range(1, count):
        axes.axvline(border, color=INK, alpha=0.25, linewidth=0.7)
    if names:
        axes.set_xticks([place + 0.5 for place in range(count)], names, fontsize=fontsize)
        axes.tick_params(axis="x", length=0)
