"""Reports from run records: the entry points that scripts and the command line use."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from finkd.corpora.files import write_atomic
from finkd.records import RunRecord
from finkd.reports.formats import formats as known_formats
from finkd.reports.formats.markdown import document
from finkd.reports.report import Report, compose
from finkd.runtimes.record import BenchmarkRecord
from finkd.suites.record import TaskRecord

logger = logging.getLogger(__name__)


def build(
    records: Iterable[RunRecord],
    out: Path,
    formats: Sequence[str] = ("md", "tex", "csv", "html"),
    task_records: Sequence[TaskRecord] = (),
    error_pages: Mapping[str, str] = MappingProxyType({}),
    benchmark: Sequence[BenchmarkRecord] = (),
) -> list[Path]:
    """Write a report; the same records give the same bytes, in whatever order they come.

    There is one ``results.md`` (``.tex``, ``.csv``) with all sections, one such file for every other table, one
    ``report.html``, beside LaTeX a ``references.bib`` of what it cites, and every picture as ``.svg``, ``.png`` and
    ``.pdf``; with several sections, each picture carries the number and name of its section.

    Args:
        records: run records of any number of experiments and corpora.
        out: folder, made if missing; files of the same names are replaced, each one atomically.
        formats: names of the formats to write.
        task_records: records of general tasks.
        error_pages: system -> path of the page of its errors, from ``out``; the page of the report links to it.
        benchmark: records of one benchmark.

    Returns:
        The files written.

    Raises:
        DataError: if there are no records, or they contradict each other; nothing is written.
        UnknownNameError: if a format is unknown; nothing is written.
        StoreError: if ``out`` cannot be written.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> written = finkd.report(finkd.load_records(["records"]), Path("tables"), ["md"])
        >>> "results.md" in [path.name for path in written]
        True
    """
    report = compose(records, None, task_records, error_pages, benchmark)
    writers = [known_formats.get(name) for name in dict.fromkeys(formats)]
    contents = [item for writer in writers for item in writer(report).items()]
    written = []
    for name, content in (*contents, *_pictures(report)):
        write_atomic(out / name, content)
        written.append(out / name)
        logger.info("wrote %s", out / name)
    return written


def render_markdown(records: Iterable[RunRecord]) -> str:
    """Return the results of every section as one Markdown text.

    Raises:
        DataError: if there are no records, or they contradict each other.
    """
    report = compose(records, ["results"])
    return document([table for chapter in report.chapters for table in chapter.tables.values()])


def _pictures(report: Report) -> Iterator[tuple[str, str | bytes]]:
    for picture in report.pictures:
        for suffix, content in picture.files.items():
            yield f"{picture.name}.{suffix}", content
    for position, chapter in enumerate(report.chapters, 1):
        slug = re.sub(r"[^a-z0-9]+", "-", chapter.section.name.lower()).strip("-")[:60]
        ending = "" if len(report.chapters) == 1 else f"-{position}-{slug}"
        for picture in chapter.pictures:
            for suffix, content in picture.files.items():
                yield f"{picture.name}{ending}.{suffix}", content
