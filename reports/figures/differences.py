"""How far students are ahead of the reference student: differences in micro-F1 with their intervals."""

from __future__ import annotations

from matplotlib.figure import Figure

from finkd.reports.bootstrap import significant
from finkd.reports.compared_systems import compared_systems
from finkd.reports.figures.canvas import COLOURS, INK, new_figure, shortened
from finkd.reports.sections import Section

_LEAST = 3
"""Students that make a picture."""


def differences(section: Section) -> Figure | None:
    """Draw one line per student, in the order of the experiment; ``None`` for fewer than three."""
    found = [each for each in compared_systems(section) if each.system.role == "student"]
    if len(found) < _LEAST or section.reference is None:
        return None
    figure = new_figure(9, 1.2 + 0.28 * len(found), layout="constrained")
    axes = figure.subplots()
    for row, each in enumerate(found):
        # The comparison is the reference less the system; here the student is ahead.
        point, low, high = (
            -100 * value for value in (each.comparison.difference, each.comparison.high, each.comparison.low)
        )
        colour = COLOURS[1] if significant(each.p) else COLOURS[0]
        axes.plot([low, high], [row, row], color=colour, linewidth=1.6, solid_capstyle="round")
        axes.plot([point], [row], color=colour, marker="o", markersize=5)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(found)), [shortened(each.system.name, 50) for each in found])
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_xlabel(f"points of micro-F1 ahead of {shortened(section.reference.name, 40)}, 95 % interval")
    axes.grid(True, axis="x")
    for colour, name in ((COLOURS[1], "significant (Holm)"), (COLOURS[0], "not significant")):
        axes.plot([], [], color=colour, marker="o", markersize=5, linewidth=1.6, label=name)
    figure.legend(fontsize=9, frameon=False, loc="outside lower center", ncols=2)
    return figure
