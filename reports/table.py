"""Tables: columns, and rows of cells that hold their value, their text and the ids of their records."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from finkd.reports.sections import Section, SystemResults
from finkd.reports.spread import Spread

MISSING = "–"

Value = str | int | float | bool | None
Item = TypeVar("Item")


@dataclass(frozen=True)
class Column:
    """Heading and layout of one column.

    Attributes:
        key: name in data files, stable between versions.
        heading: name for readers.
        align: numbers stand to the right, names to the left.
        detail: True for columns that only data files (CSV) hold.
    """

    key: str
    heading: str = ""
    align: Literal["left", "right"] = "right"
    detail: bool = False


_SCOPE = tuple(Column(key, detail=True) for key in ("experiment", "corpus", "split"))


@dataclass(frozen=True)
class Cell:
    """One cell, made by :func:`label`, :func:`number`, :func:`share` or :func:`spread`.

    Attributes:
        value: the value at full precision, for data files.
        text: what a reader sees: one line of plain text, not escaped for any format.
        records: ids of the run records that it comes from.
        strong: True for the winner of a comparison.
        cites: keys of the works that it names (``finkd.reports.literature``).
    """

    value: Value
    text: str
    records: tuple[str, ...] = ()
    strong: bool = False
    cites: tuple[str, ...] = ()


Field = tuple[Column, Callable[[Item], Cell]]
"""A column, with what makes the cells of its rows."""


@dataclass(frozen=True)
class Table:
    """A table ready to be written in any format.

    Attributes:
        name: its name in the registry.
        title: heading, one line of plain text.
        notes: sentences of the caption, plain text.
        columns: all columns, details included.
        rows: one tuple of cells per row, as long as ``columns``.
    """

    name: str
    title: str
    notes: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(
        cls,
        name: str,
        title: str,
        section: Section | None,
        notes: Iterable[str],
        columns: Iterable[Field[Item]],
        items: Iterable[Item],
    ) -> Table:
        """Make a table with one row per item; each column comes with the function that makes its cell.

        In a table of one section, data files get the section's experiment, corpus and split in front. Cells that name
        no records come from the item's own (its ``ids``, or its ``id``), where it has any.
        """
        pairs = list(columns)
        scope: tuple[Cell, ...] = ()
        headings = tuple(replace(column, key=plain(column.key), heading=plain(column.heading)) for column, _ in pairs)
        if section is not None:
            scope = tuple(label(text) for text in (section.experiment, section.corpus, section.split))
            title, headings = f"{title}: {section.name}", _SCOPE + headings

        def row(item: Item) -> tuple[Cell, ...]:
            ids = getattr(item, "ids", None) or ([item.id] if hasattr(item, "id") else [])
            records = tuple(map(plain, ids))
            cells = (make(item) for _, make in pairs)
            return scope + tuple(cell if cell.records else replace(cell, records=records) for cell in cells)

        return cls(name, plain(title), tuple(map(plain, notes)), headings, tuple(map(row, items)))

    @property
    def caption(self) -> str:
        """The notes as one paragraph."""
        return " ".join(self.notes)

    def for_readers(self) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
        """Return columns and rows without the detail columns and without columns in which every value is missing."""
        kept = [
            index
            for index, column in enumerate(self.columns)
            if not column.detail and any(row[index].value is not None for row in self.rows)
        ]
        return (
            tuple(self.columns[index] for index in kept),
            tuple(tuple(row[index] for index in kept) for row in self.rows),
        )


def label(
    text: str | None,
    records: Sequence[str] = (),
    *,
    strong: bool = False,
    shown: bool = True,
    cites: tuple[str, ...] = (),
) -> Cell:
    """Make a cell of a name; with ``shown=False`` readers see nothing, as in the later rows of a group."""
    if text is None:
        return Cell(None, MISSING, tuple(records))
    return Cell(plain(text), plain(text) if shown else "", tuple(records), strong, cites)


def number(
    value: float | None, digits: int = 0, records: Sequence[str] = (), *, scale: float = 1, mark: str = ""
) -> Cell:
    """Make a cell of a number, shown divided by ``scale`` with ``digits`` decimals and a footnote mark.

    The data value is unscaled. What is undefined (``None``, NaN) is a dash, and empty in data files.
    """
    if value is None or math.isnan(value):
        return Cell(None, MISSING, tuple(records))
    return Cell(value, f"{value / scale:,.{digits}f}{mark}", tuple(records))


def mean_of(column: str, digits: int = 0, scale: float = 1) -> Callable[[SystemResults], Cell]:
    """Make the cells of a system's mean of a column of ``records_frame``."""
    return lambda system: number(system.mean(column), digits, scale=scale)


def share(value: float | None, digits: int = 1, records: Sequence[str] = ()) -> Cell:
    """Make a cell of a share between 0 and 1, shown in percent."""
    return number(value, digits, records, scale=0.01)


def spread(
    value: Spread | None, digits: int = 3, records: Sequence[str] = (), *, strong: bool = False, mark: str = ""
) -> Cell:
    """Make a cell of mean ± standard deviation (seeds) and a mark; the data value is the mean."""
    if value is None or math.isnan(value.mean):
        return Cell(None, MISSING, tuple(records))
    deviation = "" if value.sd is None else f" ± {value.sd:.{digits}f}"
    return Cell(value.mean, f"{value.mean:.{digits}f}{deviation} ({value.n}){mark}", tuple(records), strong)


def plain(text: str) -> str:
    """Return one line of text that every format can hold.

    White space becomes single spaces. Characters that cannot be stored, or that reorder their neighbours on the screen
    (controls, lone surrogates, non-characters, bidirectional controls), become U+FFFD.
    """
    return "".join("\N{REPLACEMENT CHARACTER}" if _unprintable(char) else char for char in " ".join(text.split()))


def _unprintable(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cs", "Cn"} or unicodedata.bidirectional(char) in {
        *("LRE", "RLE", "LRO", "RLO", "PDF"),
        *("LRI", "RLI", "FSI", "PDI"),
    }
