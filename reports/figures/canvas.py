"""Pictures in every format: one style, SVG that can stand inside a page, and the same bytes every time."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from finkd.reports.figures import figures
from finkd.reports.sections import Section
from finkd.reports.table import plain

INK = "#24292f"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's, which colour-blind readers can tell apart; over again if there are more lines."""
ROLE_COLOURS = {"teacher": COLOURS[0], "student": COLOURS[1], "baseline": "#7f7f7f"}
_STYLE = {
    "svg.hashsalt": "finkd",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
    "axes.facecolor": "none",
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color"), INK
    ),
}


@contextmanager
def style() -> Iterator[None]:
    """Set the style of all pictures for matplotlib within the block."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name in a script that the font lacks
        yield


def new_figure(width: float, height: float, **options: Any) -> Figure:
    """Make an empty figure of this many inches."""
    figure = Figure(figsize=(width, height), facecolor="none", **options)
    FigureCanvasAgg(figure)
    return figure


def round_log_ticks(axis: Axis) -> None:
    """Put round numbers beside a logarithmic axis: 1, 2 and 5 in each power of ten."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def svg(figure: Figure) -> str:
    """Write a figure, within :func:`style`, as an SVG element with the surrounding text's colour for its ink."""
    content = _saved(figure, "svg", dict.fromkeys(("Date", "Creator", "Format", "Type")))
    document = content.decode()
    element = document[document.index("<svg") :].rstrip() + "\n"
    element = re.sub(r'<g id="[^"]*_\d+"', "<g", element)  # nothing refers to them, and pages hold several pictures
    return element.replace(INK, "currentColor")


def png(figure: Figure) -> bytes:
    """Write a figure, within :func:`style`, as a PNG file on white."""
    return _saved(figure, "png", {"Software": None})


def shortened(name: str, length: int) -> str:
    """Cut a name that is longer, with an ellipsis at its end."""
    text = plain(name)
    return text if len(text) <= length else text[: length - 1] + "…"


def inline(element: str) -> Markup:
    """Return an SVG element for a page, without its namespaces, which HTML does without."""
    return Markup(re.sub(r' xmlns(:xlink)?="[^"]*"', "", element))  # matplotlib has escaped its texts


def _saved(figure: Figure, kind: Literal["svg", "png", "pdf"], metadata: dict[str, None]) -> bytes:
    buffer = io.BytesIO()
    background = "white" if kind == "png" else "none"
    figure.savefig(buffer, format=kind, dpi=160, metadata=metadata, facecolor=background)
    return buffer.getvalue()


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
    """Draw the pictures of a section that its records have data for."""
    for name, entry in figures.entries().items():
        made = picture(name, entry.summary, partial(figures.get(name), section))
        if made is not None:
            yield made


def picture(name: str, summary: str, draw: Callable[[], Figure | None]) -> Picture | None:
    """Draw a figure and write it in all formats; ``None`` if there is none."""
    with style():
        figure = draw()
        if figure is None:
            return None
        element = svg(figure)
        files: dict[str, str | bytes] = {"svg": element, "png": png(figure)}
        files["pdf"] = _saved(figure, "pdf", dict.fromkeys(("CreationDate", "Creator", "Producer")))
    return Picture(name, summary, element, files)
