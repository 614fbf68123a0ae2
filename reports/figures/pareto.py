"""Micro-F1 against latency, with the number of parameters as the area of each mark, and the Pareto front as a line."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from reports.canvas import INK, ROLE_COLOURS
from reports.sections import Section, System
from reports.table import plain

LARGEST_AREA = 420.0  # of a mark, in square points
LINE_HEIGHT = 0.048  # of a label, as a share of the picture's height


def pareto(section: Section) -> Figure | None:
    """The picture; ``None`` if no teacher or student has a latency."""
    floors = section.of_role("floor")
    models = [system for system in section.systems if system not in floors]
    timed = [(system, latency) for system in models if (latency := system.latency("p50"))]
    if not timed:
        return None
    figure = Figure(figsize=(9, 4.8), facecolor="none")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.075, 0.13, 0.505, 0.82), facecolor="none")
    systems, latencies = [system for system, _ in timed], [latency for _, latency in timed]
    marks = zip(systems, latencies, _areas(systems), strict=True)
    for system, latency, area in sorted(marks, key=lambda mark: -mark[2]):  # small marks on top
        colour = ROLE_COLOURS[system.role]
        axes.errorbar(latency, system.f1.mean, yerr=system.f1.sd, color=colour, linewidth=1.2, zorder=2)
        axes.scatter([latency], [system.f1.mean], s=area, color=colour, alpha=0.72, linewidth=0, zorder=3)
    front = sorted(_front([(latency, system.f1.mean) for system, latency in timed]))
    axes.plot(*zip(*front, strict=True), color=INK, alpha=0.4, linewidth=1, drawstyle="steps-post", zorder=1)
    _limits(axes, latencies, [system.f1.mean for system in (*systems, *floors)])
    _labels(axes, timed, floors)
    return figure


def _front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The (latency, score) pairs to which none is preferred in both: the Pareto front."""
    return [
        (latency, score)
        for latency, score in points
        if not any(other[0] <= latency and other[1] >= score and other != (latency, score) for other in points)
    ]


def _areas(systems: Sequence[System]) -> list[float]:
    sizes = [system.parameters or 0.0 for system in systems]
    largest = max(sizes) or 1.0
    return [max(LARGEST_AREA * size / largest, 12.0) for size in sizes]  # smaller ones could not be seen


def _limits(axes: Axes, latencies: Sequence[float], scores: Sequence[float]) -> None:
    slowest, fastest = max(latencies), min(latencies)
    logarithmic = slowest > 10 * fastest
    if logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(fastest / 2, slowest * 2)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(0, slowest * 1.25)
    margin = max(0.18 * (max(scores) - min(scores)), 0.02)
    axes.set_ylim(max(min(scores) - margin, -0.02), min(max(scores) + margin, 1.06))
    scale = ", log scale" if logarithmic else ""
    axes.set_xlabel(f"median latency per sentence (ms{scale}); area of a mark: parameters")
    axes.set_ylabel("micro-F1")
    axes.grid(alpha=0.15, linewidth=0.6, color=INK)


def _labels(axes: Axes, timed: Sequence[tuple[System, float]], floors: Sequence[System]) -> None:
    """A label in the right margin for each mark and each floor, tied to it by a line, in the order of the scores."""
    low, high = axes.get_ylim()
    left, right = axes.get_xlim()
    labelled = [*timed, *((floor, right) for floor in floors)]
    heights = spread_out([(system.f1.mean - low) / (high - low) for system, _ in labelled], LINE_HEIGHT)
    for (system, latency), height in zip(labelled, heights, strict=True):
        mean, y = system.f1.mean, low + height * (high - low)
        if system in floors:
            axes.axhline(mean, color=ROLE_COLOURS["floor"], linewidth=1, linestyle=(0, (5, 4)), zorder=1)
        path = [latency, right, right + 0.03 * (right - left)], [mean, mean, y]
        axes.plot(*path, color=ROLE_COLOURS[system.role], linewidth=0.6, alpha=0.6, zorder=1, clip_on=False)
        style = "italic" if system in floors else "normal"
        axes.text(1.04, height, _label(system), transform=axes.transAxes, va="center", fontsize=9, style=style)


def spread_out(positions: Sequence[float], distance: float) -> list[float]:
    """Positions between 0 and 1, moved as little as possible (in squares) to lie ``distance`` apart in their own order.

    If there are more than fit, they lie evenly. With i distances taken off the i-th position this is isotonic
    regression, solved by pooling neighbours.
    """
    distance = min(distance, 1 / max(1, len(positions) - 1))
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    pools: list[tuple[float, int]] = []  # mean and size
    for rank, index in enumerate(order):
        mean, size = positions[index] - rank * distance, 1
        while pools and pools[-1][0] > mean:
            before, count = pools.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    moved = [mean for mean, size in pools for _ in range(size)]
    top = 1 - (len(positions) - 1) * distance
    spread = [0.0] * len(positions)
    for rank, (index, place) in enumerate(zip(order, moved, strict=True)):
        spread[index] = min(max(place, 0.0), top) + rank * distance
    return spread


def _label(system: System) -> str:
    size = "" if system.parameters is None else f", {system.parameters / 1e6:.1f} M"
    role = " (teacher)" if system.role == "teacher" and "teacher" not in system.name else ""
    return _short(system.name) + role + size


def _short(name: str, limit: int = 42) -> str:
    text = plain(name)
    return text if len(text) <= limit else text[: limit - 1] + "…"
