"""Pages of the errors of an experiment's systems, from the predictions of their run records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from finkd.corpora.files import write_atomic
from finkd.evaluation.recorded_predictions import predictions_file
from finkd.experiments.configuration.experiment import unchecked
from finkd.experiments.configuration.layout import record_path, slug
from finkd.experiments.running.labelled_text import LabelledText
from finkd.experiments.running.readings import reading_of_record
from finkd.records import RunRecord
from finkd.reports.error_analysis import Errors
from finkd.reports.pages.error_analysis import MOST, page

_FOLDER = "errors"


def write_error_pages(text: LabelledText, records: Sequence[RunRecord], out: Path) -> None:
    """Write a page for each trained system, beside its teacher, of the first seed with predictions.

    Args:
        text: of the experiment.
        records: those of the experiment's folder.
        out: the folder.
    """
    for record in _first_seeds(records, out):
        names = [record.system, unchecked(record.config).teacher_of(record.system)]
        gold = text.gold(record.seed)
        kept = {
            name: path
            for name in names
            if name and predictions_file(path := record_path(out, name, record.seed)).is_file()
        }
        readings = [reading_of_record(name, path, gold.scored) for name, path in kept.items()]
        found = Errors(record.corpus, record.split, gold.scored, readings, gold.frequencies)
        write_atomic(out / _page(record.system), page(found, MOST))


def error_pages(records: Sequence[RunRecord], out: Path) -> Mapping[str, str]:
    """Return the page of each system that has one, relative to the experiment's folder."""
    systems = dict.fromkeys(record.system for record in records)
    return {system: _page(system) for system in systems if (out / _page(system)).is_file()}


def _first_seeds(records: Sequence[RunRecord], out: Path) -> Iterator[RunRecord]:
    """Yield the record of the first seed of each trained system, of those that have predictions."""
    seen = set()
    for record in records:
        known = record.system in seen or record.role == "baseline"
        if not known and predictions_file(record_path(out, record.system, record.seed)).is_file():
            seen.add(record.system)
            yield record


def _page(system: str) -> str:
    return f"{_FOLDER}/{slug(system)}.html"
