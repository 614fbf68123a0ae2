"""Tables of resources: models in several runtimes, side by side, with all figures and with the chief ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from finkd.corpora.wording import counted
from finkd.reports.spread import Spread
from finkd.reports.table import Cell, Column, Field, Table, label, number, plain, share, spread
from finkd.runtimes.record import BenchmarkRecord, Ratio

_ROUND = 10
"""Ratios from here on are shown without decimals."""


def benchmark_table(records: Sequence[BenchmarkRecord]) -> Table:
    """Make one row per model and runtime."""
    cores = sorted({int(count) for each in records for count in each.words_per_second})
    columns: list[Field[BenchmarkRecord]] = [
        *_models(records),
        (Column("parameters", "Params (M)"), lambda each: number(each.parameters, 2, scale=1e6)),
        (Column("bytes", "Weights (MB)"), lambda each: number(each.bytes, 1, scale=1e6)),
        (Column("packed_bytes", "Packed (MB)"), lambda each: number(each.packed_bytes, 1, scale=1e6)),
        *((Column(f"{p}_ms", f"{p} (ms)"), partial(_latency, p)) for p in ("p50", "p90", "p99")),
        (Column("tokenizing_ms", "Tokenizing (ms)"), lambda each: number(each.tokenizing_ms.get("p50"), 2)),
        (Column("latency_ratio", "Faster, batch 1"), lambda each: _ratio(each.latency_ratio)),
        *((Column(f"words_{count}", f"Words/s, {count} thr."), partial(_words, str(count))) for count in cores),
        (Column("throughput_ratio", "Faster, batch 32"), lambda each: _ratio(each.throughput_ratio)),
        (Column("gflops", "GFLOPs"), lambda each: number(each.flops.get("128"), 2, scale=1e9)),
        (Column("memory", "Peak (MB)"), lambda each: number(each.peak_memory, 0, scale=1e6)),
        (Column("joules", "J/1,000 words"), lambda each: number(each.joules_per_1000_words, 2)),
    ]
    return Table.of("benchmark", "Resources", None, _notes(records), columns, records)


def headline_table(records: Sequence[BenchmarkRecord]) -> Table:
    """Make one row per model and runtime, with nothing but F1, size and speed."""
    columns: list[Field[BenchmarkRecord]] = [
        *_models(records),
        (Column("bytes", "Weights (MB)"), lambda each: number(each.bytes, 1, scale=1e6)),
        (Column("smaller", "Smaller"), lambda each: _times(records[0].bytes, each.bytes)),
        (Column("p50_ms", "One sentence (ms)"), partial(_latency, "p50")),
        (Column("latency_ratio", "Faster"), lambda each: _times(each.latency_ratio.value)),
        (Column("throughput_ratio", "Faster in batches"), lambda each: _times(each.throughput_ratio.value)),
    ]
    return Table.of("headline", "Size and speed", None, _headline_notes(records), columns, records)


def _models(records: Sequence[BenchmarkRecord]) -> list[Field[BenchmarkRecord]]:
    return [
        (Column("system", "Model", "left"), lambda each: label(each.system)),
        (Column("runtime", "Runtime", "left"), lambda each: label(each.runtime)),
        (Column("f1", "Micro-F1"), lambda each: spread(Spread.of(each.f1), 3)),
        (Column("retention", "Retention (%)"), lambda each: share(_retention(each, records[0]), 1)),
    ]


def _times(value: float, than: float = 1.0) -> Cell:
    """Return how many times as large a figure is as another one."""
    return Cell(value / than, f"{value / than:.{1 if value < _ROUND * than else 0}f}x")


def _retention(each: BenchmarkRecord, first: BenchmarkRecord) -> float | None:
    ours, theirs = Spread.mean_of(each.f1), Spread.mean_of(first.f1)
    return ours / theirs if ours is not None and theirs else None


def _latency(percentile: str, each: BenchmarkRecord) -> Cell:
    return number(each.latency_ms[percentile], 2)


def _words(threads: str, each: BenchmarkRecord) -> Cell:
    return number(each.words_per_second.get(threads))


def _ratio(found: Ratio) -> Cell:
    return Cell(found.value, plain(f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"))


def _most_threads(records: Sequence[BenchmarkRecord]) -> str:
    """Return on how many threads batches were compared."""
    return counted(max(int(threads) for each in records for threads in each.words_per_second), "thread")


def _headline_notes(records: Sequence[BenchmarkRecord]) -> list[str]:
    first = records[0]
    return [
        f"Strict micro-F1 on {first.corpus}, {first.split} split: mean ± standard deviation over seeds, with their "
        f"number in brackets. Smaller, faster: than {first.reference}.",
        f"One sentence: median on one thread, from text to tags. In batches: of 32, on {_most_threads(records)}. "
        f"{first.environment.get('processor', 'Unknown processor')}.",
    ]


def _notes(records: Sequence[BenchmarkRecord]) -> list[str]:
    first = records[0]
    least = min(each.queries for each in records)
    notes = [
        "Micro-F1 is strict; means ± sample standard deviation over seeds, with their number in brackets; retention is "
        f"the mean as a share of that of {first.reference}. Everything else is of the first seed.",
        f"Sentences of {first.corpus}, {first.split} split. Milliseconds: one sentence at a time on one thread, from "
        f"text to tags, {counted(least, 'query')} and {counted(first.seconds, 'second')} of each at least, in turn; "
        "tokenization included.",
        f"Words/s: batches of 32. Faster: times as fast as {first.reference}, by medians of queries and by batches on "
        f"{_most_threads(records)}, with bootstrap intervals of 95 %.",
        f"GFLOPs: of a text of 128 tokens. Energy: {', '.join(dict.fromkeys(each.energy_source for each in records))}.",
        f"{first.environment.get('processor', 'Unknown processor')}.",
    ]
    if any(each.peak_memory for each in records):
        notes.append("Peak: memory of a fresh process that reads a batch, Python and its libraries among it.")
    if any(each.packed_bytes for each in records):
        notes.append("Packed: weights of few bits, or those that are not zero, in a file without gaps.")
    if any(each.machine_busy for each in records):
        notes.append("Other work ran on this machine: take the ratios, not the times.")
    return notes
