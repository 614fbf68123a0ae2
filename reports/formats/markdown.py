"""Tables in GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from finkd.reports.report import Report
from finkd.reports.table import Cell, Table

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SPECIAL = re.compile(r"[\\`*_{}\[\]|#!~$]|:(?=//)")


def files(report: Report) -> Mapping[str, str]:
    """One file per table name, with the tables of all sections below one another."""
    return {f"{name}.md": document(tables) for name, tables in report.by_table().items()}


def document(tables: Iterable[Table]) -> str:
    """Return the tables as one text that ends with a line feed."""
    return "\n\n".join(map(_table, tables)) + "\n"


def escape(text: str) -> str:
    """One line of plain text as Markdown that shows exactly this text."""
    escaped = _SPECIAL.sub(r"\\\g<0>", text)
    return re.sub("[&<>]", lambda match: _ENTITIES[match[0]], escaped)


def _table(table: Table) -> str:
    columns, rows = table.for_readers()
    lines = [
        f"**{escape(table.title)}**",
        "",
        _row(escape(column.heading) for column in columns),
        _row("---:" if column.align == "right" else ":---" for column in columns),
        *(_row(map(_cell, row)) for row in rows),
        "",
        escape(table.caption),
    ]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    return f"**{escape(cell.text)}**" if cell.strong and cell.text else escape(cell.text)
