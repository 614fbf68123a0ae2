"""The pictures of a section: each is a function from a section to a figure, or to ``None`` if there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from finkd.reports.sections import Section

figures: Registry[Callable[[Section], Figure | None]] = Registry(
    "figures",
    {
        "f1-latency": ("finkd.reports.figures.scatter:pareto", "micro-F1 against latency, sizes, and the Pareto front"),
        "differences": (
            "finkd.reports.figures.differences:differences",
            "how far students are ahead of the reference student, with intervals",
        ),
        "strategies": ("finkd.reports.figures.graph:graph", "stages of the systems, and which of them they share"),
        "learning": ("finkd.reports.figures.learning:learning", "losses of each system's stages"),
        "calibration": (
            "finkd.reports.figures.calibration:calibration",
            "how often entities are right, by their score, and of the surest ones",
        ),
        "text": (
            "finkd.reports.figures.text_amount:text_amount",
            "micro-F1 against the sentences of raw text that students read",
        ),
        "latency": ("finkd.reports.figures.latency:latency", "how latencies of single sentences are spread"),
    },
)
