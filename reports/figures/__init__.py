"""The pictures of a section: each is a function from a section to a figure, or to ``None`` if there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpora.registry import Registry
from reports import canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reports.sections import Section

figures: Registry[Callable[[Section], Figure | None]] = Registry(
    "figures",
    {
        "f1-latency": ("reports.figures.pareto:pareto", "micro-F1 against latency, sizes, and the Pareto front"),
        "strategies": ("reports.figures.graph:graph", "stages of the systems, and which of them they share"),
        "learning": ("reports.figures.learning:learning", "losses of each system's stages"),
        "latency": ("reports.figures.latency:latency", "how latencies of single sentences are spread"),
    },
)


@dataclass(frozen=True)
class Picture:
    """A figure in all its formats.

    Attributes:
        name: of the figure in the registry.
        summary: what it shows.
        svg: an SVG element with the surrounding text's colour for its ink.
        files: suffix -> content, of those formats that stand alone.
    """

    name: str
    summary: str
    svg: str
    files: dict[str, str | bytes]


def pictures(section: Section) -> Iterator[Picture]:
    """The pictures that there is something for."""
    for name, entry in figures.entries().items():
        with canvas.style():
            figure = figures.get(name)(section)
            if figure is None:
                continue
            svg = canvas.svg(figure)
            files: dict[str, str | bytes] = {"svg": svg, "png": canvas.png(figure), "pdf": canvas.pdf(figure)}
        yield Picture(name, entry.summary, svg, files)
