"""Summaries of dialogues: what they are worth and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finkd.reports.general.contenders import Contender, contenders, table
from finkd.reports.general.glue import spread_in_percent
from finkd.reports.sections import Spread
from finkd.reports.table import Cell, Column, Table, label, number
from finkd.suites.record import TaskRecord

_HEADINGS = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "rougeLsum": "ROUGE-Lsum", "bleu": "BLEU"}
Figure = Callable[[TaskRecord], float | None]


def summarization(records: Sequence[TaskRecord]) -> Table:
    """One row per system and method."""
    found = contenders(records, "summarization")
    columns: list[tuple[Column, Callable[[Contender], Cell]]] = [
        (Column("system", "System", "left"), lambda each: label(each.system, each.ids)),
        (Column("method", "Method", "left"), lambda each: label(_method(each), each.ids)),
        (Column("scored", "Scored on", "left"), lambda each: label(_scored_on(each), each.ids)),
        *((Column(name, heading), _metric(name)) for name, heading in _HEADINGS.items()),
        _cost("parameters", "Params (M)", 0, 1e6, lambda record: record.resources.parameters),
        _cost("bytes", "Weights (MB)", 0, 1e6, lambda record: record.resources.bytes),
        _cost("peak_memory", "Peak memory (MB)", 0, 1e6, lambda record: record.resources.peak_memory),
        _cost("training_seconds", "Training (s)", 0, 1, lambda record: record.seconds if record.learnt else None),
        _cost("words_per_second", "Words/s", 1, 1, lambda record: record.resources.words_per_second),
    ]
    return table("summarization", "Summaries of dialogues", _notes(found), columns, found)


def _method(each: Contender) -> str | None:
    return None if each.role == "baseline" else each.method


def _scored_on(each: Contender) -> str:
    return ", ".join(dict.fromkeys(f"{record.task}, {record.split}" for record in each.records))


def _metric(name: str) -> Callable[[Contender], Cell]:
    def cell(each: Contender) -> Cell:
        task = each.records[0].task
        return spread_in_percent(Spread.of(record.metrics[name] for record in each.records), each, task)

    return cell


def _cost(
    key: str, heading: str, digits: int, scale: float, figure: Figure
) -> tuple[Column, Callable[[Contender], Cell]]:
    def cell(each: Contender) -> Cell:
        found = Spread.of(figure(record) for record in each.records)
        return number(None if found is None else found.mean, digits, each.ids, scale=scale)

    return Column(key, heading), cell


def _notes(found: Sequence[Contender]) -> list[str]:
    notes = [
        "In percent. ROUGE: F-measure with stemming, mean over the references of each dialogue; BLEU: sacrebleu's, "
        "against all references.",
    ]
    if any(record.resources.words_per_second for each in found for record in each.records):
        notes.append("Words/s: of what is written, prompts read on the way.")
    if any(record.samples and record.learnt for each in found for record in each.records):
        notes.append("Fine-tuned on a part of the published training split.")
    cut = max((record.too_long for each in found for record in each.records), default=0)
    if cut:
        notes.append(f"Dialogues of which the last turns did not fit, at most: {cut}.")
    if any(record.score is None for each in found for record in each.records):
        notes.append("Rows without scores: random weights, run for their size and speed alone.")
    return notes
