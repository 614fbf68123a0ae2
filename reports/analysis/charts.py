"""The pictures of an analysis: dots with intervals, and tokens per word against the size of the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from finkd.reports.figures import canvas
from finkd.reports.figures.canvas import COLOURS, INK

if TYPE_CHECKING:
    from finkd.tokenization.analysis import Analysis, Estimate
    from finkd.tokenization.analysis.result import Profile

    Series = tuple[str, Sequence[Estimate | None]]

# The marks differ too, so that nothing hangs on colour alone.
LOOKS = tuple(zip(COLOURS, ("o", "s", "D", "^"), strict=False))
_ROW, _HEAD = 0.42, 1.1  # inches
_LABEL = 26


def dots(rows: Sequence[str], series: Sequence[Series], axis: str, scale: float = 1) -> str:
    """One line per row, with a dot and an interval for each series, as an SVG element.

    Args:
        rows: names, from top to bottom.
        series: name and one estimate per row; ``None`` leaves the dot out.
        axis: what is measured.
        scale: values are shown divided by it.
    """
    with canvas.style():
        height = _HEAD + _ROW * max(len(rows), 2)
        figure, axes = _axes(height, left=0.3)
        for position, ((name, estimates), (colour, mark)) in enumerate(zip(series, cycle(LOOKS), strict=False)):
            shift = (position - (len(series) - 1) / 2) * 0.16
            _dots(axes, [(row + shift, e) for row, e in enumerate(estimates) if e], colour, mark, _short(name), scale)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks(range(len(rows)), [_short(row) for row in rows])
        axes.set_xlabel(axis)
        axes.grid(True, axis="x")
        axes.tick_params(axis="y", length=0)
        if len(series) > 1:
            figure.legend(loc="upper right", ncols=2, frameon=False, fontsize=9, bbox_to_anchor=(0.99, 1))
        return canvas.svg(figure)


def curves(analysis: Analysis) -> str:
    """Draw tokens per word on the first corpus against entries: lines by algorithm, knees circled."""
    corpus = analysis.corpora[0].name
    with canvas.style():
        figure, axes = _axes(4.2, left=0.1)
        drawn = [curve for curve in analysis.curves if curve.corpus == corpus]
        for curve, (colour, mark) in zip(drawn, cycle(LOOKS), strict=False):
            values = [estimate.value for estimate in curve.fertility]
            axes.plot(curve.sizes, values, color=colour, marker=mark, markersize=5, label=_short(curve.algorithm))
            axes.errorbar(curve.sizes, values, yerr=_bars(curve.fertility), color=colour, linewidth=0, elinewidth=1)
            if curve.knee is not None:
                at = values[curve.sizes.index(curve.knee)]
                axes.scatter([curve.knee], [at], s=170, facecolors="none", edgecolors=INK, linewidths=1.4, zorder=4)
        _reference(axes, analysis.of_corpus(corpus)[0])
        axes.set_xlabel("entries of the vocabulary (circle: knee)")
        axes.set_ylabel("tokens per word")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.grid(True)
        axes.legend(frameon=False, fontsize=9)
        return canvas.svg(figure)


def _reference(axes: Axes, profile: Profile) -> None:
    """Return a dashed line at the reference's tokens per word."""
    height = profile.fertility.value
    axes.axhline(height, color=INK, linewidth=1, linestyle=(0, (5, 4)), alpha=0.7)
    text = axes.text(1, height, _short(profile.tokenizer), fontsize=9, style="italic", ha="right", va="bottom")
    text.set_transform(axes.get_yaxis_transform())


def _axes(height: float, left: float) -> tuple[Figure, Axes]:
    figure = canvas.new_figure(8, height)
    return figure, figure.add_axes((left, 0.55 / height, 0.97 - left, 1 - 1.0 / height))


def _dots(
    axes: Axes, placed: Sequence[tuple[float, Estimate]], colour: str, mark: str, name: str, scale: float
) -> None:
    estimates = [estimate for _, estimate in placed]
    values = [estimate.value / scale for estimate in estimates]
    bars = [[side / scale for side in sides] for sides in _bars(estimates)]
    heights = [height for height, _ in placed]
    axes.errorbar(values, heights, xerr=bars, fmt=mark, color=colour, markersize=6, elinewidth=1.4, label=name)


def _bars(estimates: Sequence[Estimate]) -> list[list[float]]:
    """Return lengths of the intervals below and above each value; none where there is no interval."""
    low = [e.value - e.low if e.low is not None else 0.0 for e in estimates]
    high = [e.high - e.value if e.high is not None else 0.0 for e in estimates]
    return [[max(side, 0.0) for side in sides] for sides in (low, high)]


def _short(name: str) -> str:
    return canvas.shortened(name.rpartition("/")[2], _LABEL)  # of a model of the hub, without its owner
