"""Micro-F1 against latency or bytes: marks with their names in the margin, and the Pareto front as a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.optimize import isotonic_regression

from finkd.reports.figures import canvas
from finkd.reports.figures.canvas import COLOURS, INK, ROLE_COLOURS
from finkd.reports.sections import Section, SystemResults
from finkd.reports.spread import Spread
from finkd.reports.table import plain
from finkd.runtimes.record import BenchmarkRecord

LARGEST_AREA = 420.0  # of a mark, in square points
LETTER = 0.0085  # width of a letter of a label, as a share of the picture's
LINE_HEIGHT = 0.048  # of a label, as a share of the picture's height


@dataclass(frozen=True)
class Point:
    """One mark.

    Attributes:
        label: in the margin; of all marks of the same name, which a line joins.
        cost: the less, the better; the abscissa.
        score: the more, the better; the ordinate.
        size: of what the area of the mark stands for; ``None`` if that is not known.
        colour: of the mark.
    """

    label: str
    cost: float
    score: Spread
    size: float | None
    colour: str


def pareto(section: Section) -> Figure | None:
    """Draw micro-F1 against latency, marks as large as parameters; ``None`` if none has a score and a latency."""
    baselines = section.of_role("baseline")
    points = [
        Point(_system_label(system), latency, system.f1, system.mean("parameters"), ROLE_COLOURS[system.role])
        for system in section.systems
        if system not in baselines and system.is_scored and (latency := system.mean("latency_ms_p50"))
    ]
    if not points:
        return None
    lines = [(_system_label(baseline), baseline.f1.mean) for baseline in baselines if baseline.is_scored]
    return scatter(points, lines, "median latency per sentence (ms)", "parameters")


def _system_label(system: SystemResults) -> str:
    parameters = system.mean("parameters")
    size = "" if parameters is None else f", {parameters / 1e6:.1f} M"
    role = " (teacher)" if system.role == "teacher" and "teacher" not in system.name else ""
    return canvas.shortened(system.name, 42) + role + size


def sizes(records: Sequence[BenchmarkRecord]) -> Figure | None:
    """Draw micro-F1 against bytes, a colour for each runtime; ``None`` if nothing was scored."""
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
    """Return the bytes of a file without gaps, for the runtime that holds the same weights as floats."""
    return each.packed_bytes if each.runtime == "eager" else None


def scatter(
    points: Sequence[Point],
    baselines: Sequence[tuple[str, float]],
    cost: str,
    size: str,
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """Draw points, and baselines as lines across.

    Args:
        points: at least one.
        baselines: label and score of each.
        cost: what the abscissa says, with its unit in brackets, such as ``"latency (ms)"``.
        size: what the area of a mark stands for.
        colours: what each colour stands for, if the labels do not say it: name -> colour.
    """
    named: dict[str, list[Point]] = {}
    for point in points:
        named.setdefault(point.label, []).append(point)
    figure = canvas.new_figure(9, max(4.8, 0.23 * (len(named) + len(baselines))))
    longest = max(len(label) for label in (*named, *(label for label, _ in baselines)))
    width = min(max(0.86 - LETTER * longest, 0.49), 0.75)
    axes = figure.add_axes((0.09, 0.13, width, 0.78 if colours else 0.82))
    largest = max(point.size or 0.0 for point in points) or 1.0
    areas = [max(LARGEST_AREA * (point.size or 0.0) / largest, 12.0) for point in points]  # smaller ones are not seen
    marks = zip(points, areas, strict=True)
    for point, area in sorted(marks, key=lambda mark: -mark[1]):  # small marks on top
        mean = point.score.mean
        axes.errorbar(point.cost, mean, yerr=point.score.sd, color=point.colour, linewidth=1.2, zorder=2)
        axes.scatter([point.cost], [mean], s=area, color=point.colour, alpha=0.72, linewidth=0, zorder=3)
    front = sorted(_front([(point.cost, point.score.mean) for point in points]))
    axes.plot(*zip(*front, strict=True), color=INK, alpha=0.4, linewidth=1, drawstyle="steps-post", zorder=1)
    costs = [point.cost for point in points]
    scores = [*(point.score.mean for point in points), *(score for _, score in baselines)]
    _limits(axes, costs, scores, cost, size)
    for marks_of_one in named.values():
        ends = sorted((each.cost, each.score.mean) for each in marks_of_one)
        axes.plot(*zip(*ends, strict=True), color=INK, alpha=0.35, linewidth=1, linestyle=(0, (1, 2)), zorder=2)
    _labels(axes, [max(each, key=lambda point: point.cost) for each in named.values()], baselines)
    if colours:
        keys = [Line2D([], [], color=colour, marker="o", linestyle="", label=name) for name, colour in colours.items()]
        axes.legend(handles=keys, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(keys), frameon=False, fontsize=9)
    return figure


def _front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the (cost, score) pairs to which none is preferred in both: the Pareto front."""
    return [
        (cost, score)
        for cost, score in points
        if not any(other[0] <= cost and other[1] >= score and other != (cost, score) for other in points)
    ]


def _limits(axes: Axes, costs: Sequence[float], scores: Sequence[float], cost: str, size: str) -> None:
    largest, smallest = max(costs), min(costs)
    logarithmic = largest > 10 * smallest
    if logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(smallest / 2, largest * 2)
        canvas.round_log_ticks(axes.xaxis)
    else:
        axes.set_xlim(0, largest * 1.25)
    margin = max(0.18 * (max(scores) - min(scores)), 0.02)
    axes.set_ylim(max(min(scores) - margin, -0.02), min(max(scores) + margin, 1.06))
    scale = ", log scale)" if logarithmic else ")"
    axes.set_xlabel(f"{cost.removesuffix(')')}{scale}; area of a mark: {size}")
    axes.set_ylabel("micro-F1")
    axes.grid(True)


def _labels(axes: Axes, points: Sequence[Point], baselines: Sequence[tuple[str, float]]) -> None:
    """Label each point and each baseline in the right margin, in the order of the scores, with a line to it."""
    low, high = axes.get_ylim()
    left, right = axes.get_xlim()
    grey = ROLE_COLOURS["baseline"]
    labelled = [(each.label, each.cost, each.score.mean, each.colour, "normal") for each in points]
    labelled += [(label, right, score, grey, "italic") for label, score in baselines]
    heights = spread_out([(score - low) / (high - low) for _, _, score, _, _ in labelled], LINE_HEIGHT)
    for (label, start, score, colour, style), height in zip(labelled, heights, strict=True):
        if style == "italic":
            axes.axhline(score, color=colour, linewidth=1, linestyle=(0, (5, 4)), zorder=1)
        path = [start, right, right + 0.03 * (right - left)], [score, score, low + height * (high - low)]
        axes.plot(*path, color=colour, linewidth=0.6, alpha=0.6, zorder=1, clip_on=False)
        axes.text(1.04, height, label, transform=axes.transAxes, va="center", fontsize=9, style=style)


def spread_out(positions: Sequence[float], distance: float) -> list[float]:
    """Move positions between 0 and 1 as little as possible (in squares) to lie ``distance`` apart in their own order.

    If there are more than fit, they lie evenly. With i distances taken off the i-th position this is isotonic
    regression.
    """
    steps = np.arange(len(positions)) * min(distance, 1 / max(1, len(positions) - 1))
    order = np.argsort(positions, kind="stable")
    moved = isotonic_regression(np.asarray(positions)[order] - steps).x
    spread = np.empty(len(positions))
    spread[order] = np.clip(moved, 0, 1 - steps[-1:]) + steps
    return spread.tolist()
