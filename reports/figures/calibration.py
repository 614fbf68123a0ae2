"""How often entities are right, by their score, and of the surest ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from finkd.reports.figures.canvas import COLOURS, INK, new_figure, shortened
from finkd.reports.sections import Section
from finkd.scores import ScoreGroup, bins, together

_SYSTEMS = len(COLOURS)
"""As many lines as there are colours."""


def calibration(section: Section) -> Figure | None:
    """Draw score against precision, and share of the entities against the precision of these.

    Teachers and the best students, all seeds together; ``None`` if no record holds scores.
    """
    systems = [system for system in section.systems if any(record.scores.by_score for record in system.records)]
    if not systems:
        return None
    systems = sorted(systems, key=lambda system: (system.role != "teacher", -system.f1.mean))[:_SYSTEMS]
    figure = new_figure(9, 4, layout="constrained")
    by_score, by_share = figure.subplots(1, 2)
    by_score.plot([0, 1], [0, 1], color=INK, alpha=0.4, linewidth=0.8, linestyle=(0, (4, 3)))
    for system, colour in zip(systems, COLOURS, strict=False):
        groups = together(record.scores.by_score for record in system.records)
        name = " " + shortened(system.name, 28)  # a name that begins with _ would have no entry in the legend
        points = [_mean(each) for each in bins(groups)]
        by_score.plot(*zip(*points, strict=True), color=colour, marker="o", markersize=3.5, linewidth=1.4, label=name)
        predicted, correct = (np.cumsum([getattr(group, of) for group in groups]) for of in ("predicted", "correct"))
        by_share.plot(100 * predicted / predicted[-1], correct / predicted, color=colour, linewidth=1.4)
    _label(by_score, "score of the entities (mean of a bin)", "precision")
    _label(by_share, "share of the entities, the surest first (%)", "precision of these")
    by_score.set_xlim(0, 1)
    by_score.set_ylim(0, 1.02)
    by_share.set_xlim(0, 100)
    by_share.set_ylim(top=1.005)
    by_score.legend(fontsize=8, frameon=False, loc="upper left")
    return figure


def _mean(groups: Sequence[ScoreGroup]) -> tuple[float, float]:
    predicted = sum(group.predicted for group in groups)
    score = sum(group.score * group.predicted for group in groups) / predicted
    return score, sum(group.correct for group in groups) / predicted


def _label(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(True)
