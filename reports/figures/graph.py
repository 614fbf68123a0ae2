"""The stages of a section's systems as a tree: what they share is drawn once, as it was computed once."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure

from finkd.reports.figures.canvas import COLOURS, INK, new_figure
from finkd.reports.sections import Section, SystemResults
from finkd.reports.table import number, plain

_ROW, _COLUMN = 0.3, 1.75
"""Inches of a system and of a stage."""
_MARGIN = 0.45
_LETTERS = 18
"""Of a stage's name, so that it fits its column."""


@dataclass
class _Node:
    """A stage.

    Attributes:
        kind: what it does.
        depth: stages before it.
        rows: of the systems that go through it.
        before: the stage before it.
    """

    kind: str
    depth: int
    before: _Node | None
    rows: list[int] = field(default_factory=list)

    @property
    def height(self) -> float:
        return statistics.fmean(self.rows)


def graph(section: Section) -> Figure | None:
    """Draw the tree; ``None`` if no system was trained."""
    systems = [system for system in section.systems if system.records[0].lineage]
    if not systems:
        return None
    seen: dict[str, int] = {}  # neighbours share as much as they can, and otherwise keep their order
    for system in systems:
        for stage in system.records[0].lineage:
            seen.setdefault(stage.key, len(seen))
    systems.sort(key=lambda system: [seen[stage.key] for stage in system.records[0].lineage])
    nodes = _nodes(systems)
    deepest = max(node.depth for node in nodes) + 1
    size = (deepest * _COLUMN + 3.2, len(systems) * _ROW + _MARGIN)
    figure = new_figure(*size)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.set_xlim(0, size[0] / _COLUMN)
    axes.set_ylim(len(systems) - 0.2, -0.8)
    for node in nodes:
        if node.before is not None:
            path = [node.before.depth + 0.5, node.depth + 0.5], [node.before.height, node.height]
            axes.plot(*path, color=INK, alpha=0.35, linewidth=0.9, zorder=1)
        box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": COLOURS[node.depth % len(COLOURS)]}
        style = {"fontsize": 8, "ha": "center", "va": "center", "zorder": 2, "color": "black"}
        axes.text(node.depth + 0.5, node.height, plain(node.kind)[:_LETTERS], bbox=box, **style)  # type: ignore[arg-type]
    for row, system in enumerate(systems):
        depth = len(system.records[0].lineage)
        score = f"  {plain(system.name)}  {number(system.f1.mean, 3).text}"
        weight = "bold" if system is section.best_student else "normal"
        axes.text(depth + 0.05, row, score, fontsize=9, va="center", weight=weight)
    return figure


def _nodes(systems: Sequence[SystemResults]) -> list[_Node]:
    """Collect every stage once, those of the first seed standing for all."""
    found: dict[str, _Node] = {}
    for row, system in enumerate(systems):
        before: _Node | None = None
        for depth, stage in enumerate(system.records[0].lineage):
            node = found.setdefault(stage.key, _Node(stage.kind, depth, before))
            node.rows.append(row)
            before = node
    return list(found.values())
