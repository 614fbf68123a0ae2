"""The pictures of a section in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from finkd.reports.figures import canvas, figures
from finkd.reports.sections import Section


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
        made = picture(name, entry.summary, partial(figures.get(name), section))
        if made is not None:
            yield made


def picture(name: str, summary: str, draw: Callable[[], Figure | None]) -> Picture | None:
    """A figure in all its formats; ``None`` if there is none."""
    with canvas.style():
        figure = draw()
        if figure is None:
            return None
        svg = canvas.svg(figure)
        files: dict[str, str | bytes] = {"svg": svg, "png": canvas.png(figure), "pdf": canvas.pdf(figure)}
    return Picture(name, summary, svg, files)
