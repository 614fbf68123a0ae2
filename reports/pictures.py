"""The pictures of a section in every format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports import canvas
from reports.figures import figures
from reports.sections import Section


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
