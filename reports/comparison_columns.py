"""What tables and captions say of a comparison: columns, intervals and the mark of a significant difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finkd.corpora.wording import counted
from finkd.reports.bootstrap import DRAWS, Comparison, significant
from finkd.reports.sections import Section
from finkd.reports.table import Cell, Column, Field, Item, label, number

MARK = "*"
_FEW = 10
"""Documents below which drawing them says little."""


def difference(key: str, heading: str, of: Callable[[Item], Comparison | None]) -> list[Field[Item]]:
    """Make the columns of a difference in points, of both ends of its interval for data files, and of the interval.

    Args:
        key: of the column of the difference.
        heading: likewise.
        of: returns the comparison of a row, if it has one.
    """

    def points(figure: Callable[[Comparison], float]) -> Callable[[Item], Cell]:
        return lambda item: number(None if (found := of(item)) is None else 100 * figure(found), 1)

    def ends(item: Item) -> Cell:
        return label(None if (found := of(item)) is None else interval(found.low, found.high))

    return [
        (Column(key, heading), points(lambda found: found.difference)),
        (Column("low", detail=True), points(lambda found: found.low)),
        (Column("high", detail=True), points(lambda found: found.high)),
        (Column("interval", "95 % interval"), ends),
    ]


def tested(
    key: str, heading: str, of: Callable[[Item], Comparison], adjusted: Callable[[Item], float]
) -> list[Field[Item]]:
    """Make the columns of ``difference``, of the p-value as found and adjusted, with the mark, and of the effect."""
    return [
        *difference(key, heading, of),
        (Column("p", "p"), lambda item: number(of(item).p, 4)),
        (Column("p_holm", "p (Holm)"), lambda item: p_value(adjusted(item))),
        (Column("effect", "Effect (d)"), lambda item: number(of(item).effect, 1)),
    ]


def resampling(section: Section, compared: Sequence[Comparison]) -> str:
    """Return how differences and their intervals were found, for a caption.

    Args:
        section: what they are of.
        compared: at least one.
    """
    documents = compared[0].documents
    few = ", so few that intervals and p-values are rough" if documents < _FEW else ""
    seeds = ""
    if max(each.seeds for each in compared) > 1:
        trainings = "folds" if section.parts else "seeds"
        seeds = f" and Student's t for the deviation between {trainings} beyond that of documents"
    return f"paired bootstrap over {counted(documents, 'document')}{few} ({DRAWS:,} draws){seeds}"


def p_value(adjusted: float | None) -> Cell:
    """Make a cell of an adjusted p-value, with the mark if it is significant."""
    return number(adjusted, 4, mark=MARK if adjusted is not None and significant(adjusted) else "")


def interval(low: float, high: float) -> str:
    """Return an interval of shares in points."""
    return f"{100 * low:.1f} to {100 * high:.1f}"
