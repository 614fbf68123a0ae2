"""Summaries of dialogues: ROUGE and BLEU, size, memory and speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finkd.reports.general.task_results import IDENTITY, TaskResults, by_data, metric, task_results
from finkd.reports.table import Column, Field, Table, label, number
from finkd.suites.record import TaskRecord

_HEADINGS = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L", "rougeLsum": "ROUGE-Lsum", "bleu": "BLEU"}


def summarization(records: Sequence[TaskRecord]) -> Table:
    """Make one row per system, method and set of dialogues."""
    found = by_data(task_results(records, "summarization"))
    columns = [
        IDENTITY[0],
        (Column("method", "Method", "left"), lambda each: label(None if each.role == "baseline" else each.method)),
        (Column("scored", "Scored on", "left"), lambda each: label(_scored_on(each))),
        *(metric(name, heading) for name, heading in _HEADINGS.items()),
        _cost("parameters", "Params (M)", 0, 1e6, lambda record: record.resources.parameters),
        _cost("bytes", "Weights (MB)", 0, 1e6, lambda record: record.resources.bytes),
        _cost("peak_memory", "Peak memory (MB)", 0, 1e6, lambda record: record.resources.peak_memory),
        _cost("training_seconds", "Training (s)", 0, 1, lambda record: record.seconds if record.learnt else None),
        _cost("words_per_second", "Words/s", 1, 1, lambda record: record.resources.words_per_second),
    ]
    return Table.of("summarization", "Summaries of dialogues", None, _notes(found), columns, found)


def _scored_on(each: TaskResults) -> str:
    return f"{each.records[0].task}, {each.records[0].split}"


def _cost(
    key: str, heading: str, digits: int, scale: float, figure: Callable[[TaskRecord], float | None]
) -> Field[TaskResults]:
    return Column(key, heading), lambda each: number(each.mean(figure), digits, scale=scale)


def _notes(found: Sequence[TaskResults]) -> list[str]:
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
