"""The distribution of single sentences' latencies: the box holds half of them, the line four in five."""

from __future__ import annotations

from matplotlib.figure import Figure

from finkd.reports.figures.canvas import INK, ROLE_COLOURS, new_figure, shortened
from finkd.reports.sections import Section

PERCENTILES = ("p10", "p25", "p50", "p75", "p90")


def latency(section: Section) -> Figure | None:
    """Draw one row for each system; ``None`` if no record holds these percentiles."""
    timed = [
        (system, [value for share in PERCENTILES if (value := system.mean(f"latency_ms_{share}")) is not None])
        for system in section.systems
    ]
    timed = [(system, values) for system, values in timed if len(values) == len(PERCENTILES)]
    if not timed:
        return None
    figure = new_figure(9, 0.36 * len(timed) + 0.9, layout="constrained")
    axes = figure.subplots()
    for row, (system, (low, lower, middle, upper, high)) in enumerate(timed):
        colour = ROLE_COLOURS[system.role]
        axes.plot([low, high], [row, row], color=colour, linewidth=1.2, zorder=1)
        axes.barh(row, upper - lower, left=lower, height=0.5, color=colour, alpha=0.6, zorder=2)
        axes.plot([middle], [row], marker="|", markersize=11, markeredgewidth=2, color=INK, zorder=3)
    axes.set_yticks(range(len(timed)), [shortened(system.name, 42) for system, _ in timed], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("latency of a sentence (ms): 10th, 25th, 50th, 75th and 90th percentile")
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)
    return figure
