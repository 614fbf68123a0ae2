"""Run records as JSON lines: one file with everything behind a report, which ``finkd report`` reads like a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from finkd.record_files import record_text
from finkd.reports.report import Report
from finkd.runtimes.record import FILE

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def files(report: Report) -> dict[str, str]:
    """Write ``records.jsonl``, ``tasks.jsonl`` and ``benchmark.jsonl``, a record in each line; no empty file."""
    records: dict[str, Sequence[DataclassInstance]] = {
        "records.jsonl": [record for chapter in report.chapters for record in chapter.section.records],
        "tasks.jsonl": report.task_records,
        FILE: report.benchmark,
    }
    return {name: "".join(map(record_text, found)) for name, found in records.items() if found}
