"""Micro-F1 against latency, with the number of parameters as the area of each mark, and the Pareto front as a line."""

from __future__ import annotations

from matplotlib.figure import Figure

from finkd.reports.figures.canvas import ROLE_COLOURS
from finkd.reports.figures.scatter import Point, scatter
from finkd.reports.sections import Section, System
from finkd.reports.table import plain


def pareto(section: Section) -> Figure | None:
    """The picture; ``None`` if no teacher or student has a score and a latency."""
    baselines = section.of_role("baseline")
    points = [
        Point(_label(system), latency, system.f1, system.parameters, ROLE_COLOURS[system.role])
        for system in section.systems
        if system not in baselines and system.is_scored and (latency := system.latency("p50"))
    ]
    if not points:
        return None
    lines = [(_label(baseline), baseline.f1.mean) for baseline in baselines if baseline.is_scored]
    return scatter(points, lines, "median latency per sentence (ms)", "parameters")


def _label(system: System) -> str:
    size = "" if system.parameters is None else f", {system.parameters / 1e6:.1f} M"
    role = " (teacher)" if system.role == "teacher" and "teacher" not in system.name else ""
    return _short(system.name) + role + size


def _short(name: str, limit: int = 42) -> str:
    text = plain(name)
    return text if len(text) <= limit else text[: limit - 1] + "…"
