"""The picture of a section: micro-F1 against latency, with the number of parameters as the area of each mark."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from reports import canvas
from reports.canvas import INK
from reports.labels import Anchor, Box, place, spread_out
from reports.sections import Section, System
from reports.table import plain

COLOURS = {"teacher": "#0072B2", "student": "#D55E00", "floor": "#7f7f7f"}  # Okabe and Ito's blue and vermilion
LARGEST_AREA = 1500.0  # of a mark, in square points


def svg(section: Section) -> str | None:
    """The picture as an SVG element, with the surrounding text's colour for its ink.

    ``None`` if no teacher or student has a latency.
    """
    with canvas.style():
        figure = _draw(section)
        return None if figure is None else canvas.svg(figure)


def png(section: Section) -> bytes | None:
    """The picture as a PNG file on white; ``None`` if no teacher or student has a latency."""
    with canvas.style():
        figure = _draw(section)
        return None if figure is None else canvas.png(figure)


def _draw(section: Section) -> Figure | None:
    floors = section.of_role("floor")
    models = [system for system in section.systems if system not in floors]
    timed = [(system, latency) for system in models if (latency := system.latency("p50"))]
    if not timed:
        return None
    figure = Figure(figsize=(8, 4.8), facecolor="none")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.09, 0.13, 0.72, 0.82), facecolor="none")
    systems, latencies = [system for system, _ in timed], [latency for _, latency in timed]
    areas = _areas(systems)
    marks = zip(systems, latencies, areas, strict=True)
    for system, latency, area in sorted(marks, key=lambda mark: -mark[2]):  # small marks on top
        colour = COLOURS[system.role]
        axes.errorbar(latency, system.f1.mean, yerr=system.f1.sd, color=colour, linewidth=1.2, zorder=2)
        axes.scatter([latency], [system.f1.mean], s=area, color=colour, alpha=0.72, linewidth=0, zorder=3)
    _limits(axes, latencies, [system.f1.mean for system in (*systems, *floors)])
    _floor_lines(axes, floors)
    _labels(axes, systems, latencies, areas, [system.f1.mean for system in floors])
    return figure


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


def _floor_lines(axes: Axes, floors: Sequence[System]) -> None:
    """Floors as dashed lines with labels in the right margin, moved apart where lines are close."""
    low, high = axes.get_ylim()
    heights = spread_out([(system.f1.mean - low) / (high - low) for system in floors], 0.05)
    for system, height in zip(floors, heights, strict=True):
        axes.axhline(system.f1.mean, color=COLOURS["floor"], linewidth=1, linestyle=(0, (5, 4)), zorder=1)
        axes.text(
            1.015, height, _short(system.name, 20), transform=axes.transAxes, va="center", fontsize=9, style="italic"
        )


def _labels(
    axes: Axes, systems: Sequence[System], latencies: Sequence[float], areas: Sequence[float], lines: Sequence[float]
) -> None:
    """A label beside each mark, off error bars and floor ``lines``, tied to the mark if it had to move away."""
    texts = [axes.text(0, 0, _label(system), ha="center", va="center", fontsize=9, zorder=4) for system in systems]
    points = axes.figure.dpi / 72
    view = axes.get_window_extent()
    blocked = [Box(view.x0, y - points, view.x1, y + points) for y in (_pixels(axes, 1, line)[1] for line in lines)]
    anchors = []
    for text, system, latency, area in zip(texts, systems, latencies, areas, strict=True):
        x, y = _pixels(axes, latency, system.f1.mean)
        bar = _pixels(axes, latency, system.f1.mean + (system.f1.sd or 0))[1] - y
        blocked.append(Box.around(x, y, 2 * points, 2 * bar))
        size = text.get_window_extent()
        anchors.append(Anchor(x, y, math.sqrt(area / math.pi) * points, size.width + 4, size.height + 2))
    boxes = place(anchors, Box(view.x0, view.y0, view.x1, view.y1), blocked)
    for text, anchor, box in zip(texts, anchors, boxes, strict=True):
        text.set_position(_data(axes, *box.centre))
        x, y = box.nearest(anchor.x, anchor.y)
        if math.hypot(x - anchor.x, y - anchor.y) > anchor.radius + 8 * points:
            ends = (_data(axes, anchor.x, anchor.y), _data(axes, x, y))
            axes.plot(*zip(*ends, strict=True), color=INK, linewidth=0.6, alpha=0.6, zorder=1)


def _pixels(axes: Axes, latency: float, score: float) -> tuple[float, float]:
    x, y = axes.transData.transform((latency, score))
    return float(x), float(y)


def _data(axes: Axes, x: float, y: float) -> tuple[float, float]:
    latency, score = axes.transData.inverted().transform((x, y))
    return float(latency), float(score)


def _label(system: System) -> str:
    size = "" if system.parameters is None else f"\n{system.parameters / 1e6:.1f} M"
    return _short(system.name) + (" (teacher)" if system.role == "teacher" else "") + size


def _short(name: str, limit: int = 28) -> str:
    text = plain(name)
    return text if len(text) <= limit else text[: limit - 1] + "…"
