"""Records of benchmarks: one file for each, with a model in a runtime in each of its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finkd.corpora.files import write_atomic
from finkd.record_files import record_text, records_in

VERSION = 4
FILE = "benchmark.jsonl"
"""File name of a benchmark. Its first record is the reference of the ratios, so the order counts."""


@dataclass(frozen=True)
class Ratio:
    """Speed-up over the reference, on the same queries in turns.

    Attributes:
        value: the reference's time over this one's.
        low: lower end of a bootstrap interval of 95 %.
        high: its upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class BenchmarkRecord:
    """Figures of one model in one runtime; ``None`` for what was not measured.

    Attributes:
        system: name of the model.
        runtime: name of the runtime.
        corpus: source of the sentences.
        split: of the corpus.
        reference: ``"system, runtime"`` that ratios are to.
        f1: strict micro-F1 of each of its seeds, if the corpus has the model's labels.
        parameters: number of weights.
        embedding_parameters: of these, in the token embeddings.
        bytes: of the weights in memory, or of the graph.
        packed_bytes: of its weights without zeros and unused bits, if a stage made them
            (``finkd.compression.quantization``); for networks in fp32.
        flops: of one text, by its number of tokens: 128, and the mean of the corpus; for networks of PyTorch.
        latency_ms: percentiles of one query, from text to tags, at batch 1 on one thread.
        tokenizing_ms: likewise, of tokenization alone.
        queries: number of timed queries.
        seconds: least running time of each runtime, for latency and for each throughput.
        latency_ratio: of medians.
        words_per_second: by threads, in batches of 32.
        throughput_ratio: on all threads.
        peak_memory: bytes of a fresh process that tags a batch, with the interpreter and its libraries.
        joules_per_1000_words: on all threads.
        energy_source: source of that figure.
        machine_busy: whether other work ran during the measurement.
        environment: versions, processor, threads.
        version: of this format.
    """

    system: str
    runtime: str
    corpus: str
    split: str
    reference: str
    f1: Sequence[float]
    parameters: int
    embedding_parameters: int
    bytes: int
    packed_bytes: int | None
    flops: Mapping[str, int]
    latency_ms: Mapping[str, float]
    tokenizing_ms: Mapping[str, float]
    queries: int
    seconds: float
    latency_ratio: Ratio
    words_per_second: Mapping[str, float]
    throughput_ratio: Ratio
    peak_memory: int | None
    joules_per_1000_words: float | None
    energy_source: str
    machine_busy: bool
    environment: Mapping[str, Any] = field(default_factory=dict)
    version: int = VERSION

    @property
    def id(self) -> str:
        """Name of this record in tables."""
        return f"{self.system}, {self.runtime}"


def save_benchmark(records: Sequence[BenchmarkRecord], path: Path) -> None:
    """Write the records of a benchmark, atomically."""
    write_atomic(path, "".join(map(record_text, records)))


def load_benchmark(path: Path) -> list[BenchmarkRecord]:
    """Read the records of a benchmark.

    Raises:
        DataError: if a line is no record of this version, or was changed.
    """
    return records_in(BenchmarkRecord, path, VERSION, "benchmark record", "measure the models again")
