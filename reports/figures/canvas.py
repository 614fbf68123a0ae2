"""What all pictures share: one look, and SVG that stands inside a page and gives the same bytes every time."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

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
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}


@contextmanager
def style() -> Iterator[None]:
    """Within it, matplotlib draws as our pictures look."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():  # type: ignore[arg-type]
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name in a script that the font lacks
        yield


def log_scale(axes: Axes) -> None:
    """Let the heights of a panel be logarithms, with round numbers beside them."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def borders(axes: Axes, stages: int) -> None:
    """Let a panel be as wide as some stages, with a line between each two."""
    axes.set_xlim(0, stages)
    for border in range(1, stages):
        axes.axvline(border, color=INK, alpha=0.25, linewidth=0.7)


def svg(figure: Figure) -> str:
    """A figure, within :func:`style`, as an SVG element with the surrounding text's colour for its ink."""
    content = _saved(figure, "svg", dict.fromkeys(("Date", "Creator", "Format", "Type")))
    document = content.decode()
    element = document[document.index("<svg") :].rstrip() + "\n"
    element = re.sub(r'<g id="[^"]*_\d+"', "<g", element)  # nothing refers to them, and pages hold several pictures
    return element.replace(INK, "currentColor")


def png(figure: Figure) -> bytes:
    """A figure, within :func:`style`, as a PNG file on white."""
    return _saved(figure, "png", {"Software": None})


def pdf(figure: Figure) -> bytes:
    """A figure, within :func:`style`, as a PDF file."""
    return _saved(figure, "pdf", dict.fromkeys(("CreationDate", "Creator", "Producer")))


def inline(element: str) -> str:
    """An SVG element as HTML wants it inside a page: without namespaces, so that no address is left in it."""
    return re.sub(r' xmlns(:xlink)?="[^"]*"', "", element)


def _saved(figure: Figure, kind: Literal["svg", "png", "pdf"], metadata: dict[str, None]) -> bytes:
    buffer = io.BytesIO()
    background = "white" if kind == "png" else "none"
    figure.savefig(buffer, format=kind, dpi=160, metadata=metadata, facecolor=background)
    return buffer.getvalue()
