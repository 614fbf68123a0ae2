"""Tables as comma-separated values: every column at full precision, and the run records that each row comes from."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from finkd.reports.report import Report
from finkd.reports.table import Table, Value, plain

_RECORDS = "records"
_FORMULA = ("=", "+", "-", "@")


def files(report: Report) -> Mapping[str, str]:
    """One file per table name; its columns are those of any section."""
    return {f"{name}.csv": document(tables) for name, tables in report.by_table().items()}


def document(tables: Sequence[Table]) -> str:
    """Return the tables below one another, under one header row; what is not from records has no column for them."""
    keys = list(dict.fromkeys(column.key for table in tables for column in table.columns))
    is_measured = any(cell.records for table in tables for row in table.rows for cell in row)
    keys += [_RECORDS] * is_measured
    text = io.StringIO()
    writer = csv.DictWriter(text, keys, restval="", lineterminator="\n")
    writer.writerow({key: escape(key) for key in keys})
    for table in tables:
        for row in table.rows:
            cells = zip(table.columns, row, strict=True)
            values = {column.key: escape(cell.value) for column, cell in cells}
            ids = dict.fromkeys(record for cell in row for record in cell.records)
            writer.writerow(values | ({_RECORDS: escape(plain(" ".join(ids)))} if is_measured else {}))
    return text.getvalue()


def escape(value: Value) -> Value:
    """Escape a value for a file: nothing that spreadsheets take for a formula, whole numbers without ``.0``."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
