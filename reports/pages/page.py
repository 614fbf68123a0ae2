"""The report as one HTML page that needs no other file and no network; its one script sorts tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from finkd.records import RunRecord
from finkd.reports.captions import SAMPLE_NOTICE
from finkd.reports.figures.canvas import inline
from finkd.reports.pages.summary import summary
from finkd.reports.pages.templating import TEMPLATES, inline_script
from finkd.reports.report import Chapter, Report
from finkd.reports.table import plain
from finkd.runtimes.record import BenchmarkRecord
from finkd.suites.record import TaskRecord


def files(report: Report) -> Mapping[str, str]:
    """Write the page as ``report.html``."""
    return {"report.html": render(report)}


def render(report: Report) -> str:
    """Render the page: pictures and tables over all, then by chapter; what they were made with at the end."""
    records = [record for chapter in report.chapters for record in chapter.section.records]
    measured: list[RunRecord | TaskRecord | BenchmarkRecord] = [*records, *report.task_records, *report.benchmark]
    return TEMPLATES.get_template("report.html.j2").render(
        title=", ".join(dict.fromkeys(plain(record.experiment) for record in records))
        or ("General tasks" if report.task_records else "Benchmark"),
        overviews=[(table, *table.for_readers()) for table in report.overviews.values()],
        pictures=[(each.summary, inline(each.svg)) for each in report.pictures],
        chapters=[_chapter(chapter, number, report.error_pages) for number, chapter in enumerate(report.chapters, 1)],
        strategies=_strategies(report.chapters),
        environment=_distinct(each.environment for each in measured),
        corpora=_distinct(
            [*(record.corpora for record in records), *({each.task: each.fingerprint} for each in report.task_records)]
        ),
        **inline_script("sort.js"),
    )


_BESIDE = {
    "text": "results",
    "latency": "results",
    "differences": "significance",
    "calibration": "calibration",
    "strategies": "lineage",
    "learning": "lineage",
}
"""Picture -> the table that it stands beside; others stand on top."""


def _chapter(chapter: Chapter, number: int, error_pages: Mapping[str, str]) -> dict[str, Any]:
    beside: dict[str, list[tuple[str, Markup]]] = {name: [] for name in ("", *chapter.tables)}
    for each in chapter.pictures:
        place = _BESIDE.get(each.name, "")
        beside[place if place in beside else ""].append((each.summary, inline(each.svg)))
    if not beside[""] and beside.get("results"):
        beside[""].append(beside["results"].pop(0))
    return {
        "anchor": f"section-{number}",
        "name": plain(chapter.section.name),
        "notice": SAMPLE_NOTICE if chapter.section.sample else "",
        "summary": summary(chapter.section),
        "pictures": beside[""],
        "error_pages": [
            (plain(system.name), error_pages[system.name])
            for system in chapter.section.systems
            if system.name in error_pages
        ],
        "tables": [(table, *table.for_readers(), beside[name]) for name, table in chapter.tables.items()],
    }


def _strategies(chapters: Iterable[Chapter]) -> dict[str, str]:
    """Return the strategy of each trained system, by its section and name."""
    return {
        plain(f"{system.name} ({chapter.section.name})"): plain(system.strategy)
        for chapter in chapters
        for system in chapter.section.systems
        if system.strategy
    }


def _distinct(mappings: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return every key, sorted, with its distinct values over all records."""
    found: dict[str, set[str]] = {}
    for mapping in mappings:
        for key, value in mapping.items():
            found.setdefault(plain(str(key)), set()).add(plain(str(value)))
    return {key: "; ".join(sorted(found[key])) for key in sorted(found)}
