"""The losses of each system's stages, one small panel for each system."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from finkd.records import StageRecord
from finkd.reports.figures import canvas
from finkd.reports.figures.canvas import COLOURS
from finkd.reports.sections import Section, System
from finkd.reports.table import plain

_COLUMNS = 3
_PANEL = (3.1, 1.7)
"""Inches of a panel."""
_LETTERS = 15
"""Of a stage's name, so that names do not lie over each other."""


def learning(section: Section) -> Figure | None:
    """The panels; ``None`` if no record knows its losses."""
    systems = [system for system in section.systems if any(stage.losses for stage in _stages(system))]
    if not systems:
        return None
    rows = math.ceil(len(systems) / _COLUMNS)
    figure = Figure(figsize=(_COLUMNS * _PANEL[0], rows * _PANEL[1] + 0.3), facecolor="none", layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).flatten()
    for axes, system in zip(panels, systems, strict=False):
        _draw(axes, system)
    for axes in panels[len(systems) :]:
        axes.axis("off")
    return figure


def _stages(system: System) -> Sequence[StageRecord]:
    return [stage for record in system.records for stage in record.lineage]


def _draw(axes: Axes, system: System) -> None:
    """A line for each seed, broken between two stages, whose losses cannot be compared."""
    axes.set_title(plain(system.name)[:40], fontsize=8, loc="left")
    for number, record in enumerate(system.records):
        for place, stage in enumerate(record.lineage):
            points = [(place + share, loss) for share, loss in stage.losses if loss > 0]
            if points:
                axes.plot(*zip(*points, strict=True), color=COLOURS[number % len(COLOURS)], linewidth=0.9)
    stages = system.records[0].lineage
    canvas.log_scale(axes)
    canvas.borders(axes, len(stages))
    names = [plain(stage.kind).replace("task-distill", "task")[:_LETTERS] for stage in stages]
    axes.set_xticks([place + 0.5 for place in range(len(stages))], names, fontsize=6)
    axes.tick_params(axis="x", length=0)
    axes.tick_params(axis="y", labelsize=7)
