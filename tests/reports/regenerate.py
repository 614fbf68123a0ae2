"""Renew the golden files: ``python -m tests.reports.regenerate``; then read the difference before committing it."""

import dataclasses
from functools import cache
from pathlib import Path

from finkd.reports.formats import formats
from finkd.reports.report import compose
from tests.reports.examples import example_records, several_orders, several_teachers
from tests.reports.tasks import task_records

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_FORMATS = ("md", "tex", "csv")


@cache
def golden_files():
    """Name and content of every golden file, as the code makes them now."""
    records = example_records()
    elsewhere = [dataclasses.replace(each, corpus="finer-ord") for each in records]
    report = compose([*records, *elsewhere, *several_teachers(), *several_orders()])
    tasks = compose([], None, task_records())
    made = [formats.get(kind)(each) for kind in GOLDEN_FORMATS for each in (tasks, report)]
    return {name: content for files in made for name, content in files.items()}


if __name__ == "__main__":
    for name, content in golden_files().items():
        (GOLDEN / name).write_text(content, encoding="utf-8", newline="\n")
