"""Run records as JSON lines: one file with everything behind a report, which ``finkd report`` reads like a run."""

from __future__ import annotations

from finkd.record_files import record_text
from finkd.reports.report import Report


def files(report: Report) -> dict[str, str]:
    """Write ``records.jsonl`` and, of general tasks, ``tasks.jsonl``: a record in each line, no empty file."""
    lines = [record_text(record) for chapter in report.chapters for record in chapter.section.records]
    files = {"records.jsonl": "".join(lines), "tasks.jsonl": "".join(map(record_text, report.task_records))}
    return {name: content for name, content in files.items() if content}
