"""The report as one HTML page that needs no other file and no network; its one script sorts tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from finkd.reports.captions import SAMPLE_NOTICE, part
from finkd.reports.figures.canvas import inline
from finkd.reports.pages.templating import TEMPLATES, inline_script
from finkd.reports.report import Chapter, Report
from finkd.reports.sections import Section, SystemResults
from finkd.reports.table import plain


def files(report: Report) -> Mapping[str, str]:
    """Write the page as ``report.html``."""
    return {"report.html": render(report)}


def render(report: Report) -> str:
    """Render the page: per chapter a summary, the picture and every table; the environment at the end."""
    records = [record for chapter in report.chapters for record in chapter.section.records]
    return TEMPLATES.get_template("report.html.j2").render(
        title=", ".join(dict.fromkeys(plain(record.experiment) for record in records)) or "General tasks",
        overviews=[(table, *table.for_readers()) for table in report.overviews.values()],
        chapters=[_chapter(chapter, number) for number, chapter in enumerate(report.chapters, 1)],
        strategies=_strategies(report.chapters),
        environment=_distinct(
            [*(record.environment for record in records), *(each.environment for each in report.task_records)]
        ),
        corpora=_distinct(
            [*(record.corpora for record in records), *({each.task: each.fingerprint} for each in report.task_records)]
        ),
        **inline_script("sort.js"),
    )


def summary(section: Section) -> str:
    """Summarize a section in one line: what the best student keeps of its teacher, and whether a baseline beats it."""
    student = section.best_student
    if student is None:
        scored = [system for system in section.systems if system.is_scored]
        if not scored:
            return plain(f"On {section.corpus} ({part(section)}), there is no entity, and none was found.")
        best = max(scored, key=lambda system: system.f1.mean)
        return plain(f"On {section.corpus} ({part(section)}), {best.name} reaches micro-F1 {best.f1.mean:.3f}.")
    baselines = [system for system in section.of_role("baseline") if system.is_scored]
    baseline = max(baselines, key=lambda system: system.f1.mean, default=None)
    sentences = [_student(section, student)]
    if baseline is not None and baseline.f1.mean >= student.f1.mean:
        sentences.append(f"The baseline {baseline.name}, which learns nothing, is not beaten: {baseline.f1.mean:.3f}.")
    return plain(" ".join(sentences))


def _student(section: Section, student: SystemResults) -> str:
    place = f"On {section.corpus} ({part(section)}), the student {student.name}"
    teacher, retention = section.teacher_of(student), section.retention(student)
    if teacher is None or retention is None:
        return f"{place} reaches micro-F1 {student.f1.mean:.3f}."
    found = f"keeps {retention:.1%} of the teacher's micro-F1 ({student.f1.mean:.3f} of {teacher.f1.mean:.3f})"
    small, large = student.mean("parameters"), teacher.mean("parameters")
    if small is not None and large:
        found += f" with {small / large:.1%} of its parameters"
    fast, slow = student.mean("latency_ms_p50"), teacher.mean("latency_ms_p50")
    if fast and slow and slow >= fast:
        found += f" and is {slow / fast:.1f} times as fast"
    elif fast and slow:
        found += f" and takes {fast / slow:.1f} times as long per sentence"
    return f"{place} {found}."


_BESIDE = {
    "text": "results",
    "latency": "results",
    "differences": "significance",
    "calibration": "calibration",
    "strategies": "lineage",
    "learning": "lineage",
}
"""Picture -> the table that it stands beside; others stand on top."""


def _chapter(chapter: Chapter, number: int) -> dict[str, Any]:
    beside: dict[str, list[tuple[str, Markup]]] = {name: [] for name in ("", *chapter.tables)}
    for each in chapter.pictures:
        place = _BESIDE.get(each.name, "")
        beside[place if place in beside else ""].append((each.summary, Markup(inline(each.svg))))
    if not beside[""] and beside.get("results"):
        beside[""].append(beside["results"].pop(0))
    return {
        "anchor": f"section-{number}",
        "name": plain(chapter.section.name),
        "notice": SAMPLE_NOTICE if chapter.section.sample else "",
        "summary": summary(chapter.section),
        "pictures": beside[""],
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
