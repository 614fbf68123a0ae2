"""Measure models in several runtimes, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from finkd.corpora.corpus import NerData
from finkd.corpora.errors import ConfigError, first_line
from finkd.corpora.files import check_writable, scratch_folder
from finkd.corpora.wording import counted
from finkd.evaluation.ner import score
from finkd.experiments.benchmarking.systems import BenchmarkedSystem, benchmarked_system
from finkd.experiments.configuration.layout import slug
from finkd.experiments.configuration.splits import scored_split
from finkd.inference.tagger import Running
from finkd.machine.environment import environment
from finkd.runtimes.peak_memory import peak_memory
from finkd.runtimes.record import FILE, BenchmarkRecord, save_benchmark
from finkd.runtimes.resources import OtherWork, threads
from finkd.runtimes.spacy_pipeline import Pipeline
from finkd.runtimes.timing import BATCH, Batches, Meter, Times, batches, latencies, percentiles, ratio


@dataclass(frozen=True)
class Measuring:
    """Number and duration of measurements.

    Attributes:
        queries: of each model in each runtime, at least.
        seconds: that each works, at least, for each of latency and both throughputs.
        memory: whether peak memory is measured, in a process for each.
    """

    queries: int = 1024
    seconds: float = 10.0
    memory: bool = True


def benchmark(
    named: Mapping[str, Sequence[str]],
    kinds: Sequence[str],
    data: NerData,
    out: Path,
    split: str | None = None,
    measuring: Measuring | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[BenchmarkRecord]:
    """Measure models in runtimes; the first model in the first runtime is the reference of all ratios.

    Args:
        named: what tables call a model -> its name or folder, or those of its seeds: all are scored, the first is
            measured. A folder may hold a pipeline of spaCy, which runs in nothing else.
        kinds: names of runtimes.
        data: a labelled corpus whose sentences are read.
        out: folder of ``benchmark.jsonl``, which is written anew with each record.
        split: of the corpus.
        measuring: how long.
        say: told what is being done.

    Returns:
        one record per model and runtime.

    Raises:
        ConfigError: if a model is no tagger, or cannot run in a runtime; before anything is measured.
        StoreError: if ``out`` cannot be written; before anything is measured.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> from finkd.experiments.benchmarking.benchmark import Measuring
        >>> data, quick = finkd.load_corpus("sample"), Measuring(queries=8, seconds=0.1)
        >>> records = finkd.benchmark({"small": ["tagger"]}, ["eager"], data, Path("speed"), measuring=quick)
        >>> records[0].latency_ms["p50"] > 0
        True
    """
    split = scored_split(data, split)
    if len({slug(name) for name in named}) < len(named):
        raise ConfigError(f"benchmark: names that differ only in case or signs (got {', '.join(named)})")
    records: list[BenchmarkRecord] = []
    with scratch_folder() as scratch:
        systems = [benchmarked_system(name, sources, kinds, scratch / slug(name)) for name, sources in named.items()]
        check_writable(out / FILE)
        for record in _Bench(systems, data, split, measuring or Measuring(), say).records():
            records.append(record)
            save_benchmark(records, out / FILE)
    return records


_Pair = tuple[BenchmarkedSystem, str]
_TOLD = 512


@dataclass(frozen=True)
class _Measured:
    """Timings by ``"model, runtime"``; those of tokenizing by model."""

    running: Mapping[str, Running | Pipeline]
    queries: Mapping[str, Times]
    tokenizing: Mapping[str, Mapping[str, float]]
    batches: Mapping[int, Batches]
    energy_source: str
    machine_busy: bool


class _Bench:
    def __init__(
        self,
        systems: Sequence[BenchmarkedSystem],
        data: NerData,
        split: str,
        measuring: Measuring,
        say: Callable[[str], None],
    ) -> None:
        self.data, self.split, self.measuring, self.say = data, split, measuring, say
        self.sentences = data.splits[split]
        self.systems = systems
        self.pairs: list[_Pair] = [(system, kind) for system in systems for kind in system.kinds]

    def records(self) -> Iterator[BenchmarkRecord]:
        """Measure all, then yield the figures of one after another, as its F1 and its memory are found."""
        found = self._measured()
        self.say("F1 and memory")
        for pair in self.pairs:
            yield self._record(pair, found)

    def _measured(self) -> _Measured:
        self.say("making the runtimes")
        alone = self._running(1)
        readers = {key: running.read for key, running in alone.items()}
        other = OtherWork()
        seconds, meter = self.measuring.seconds, Meter()
        with threads(1):
            self.say(f"latency: {len(readers)} in turn")
            queries = latencies(readers, self.sentences, self.measuring.queries, seconds, self._queried)
            tokenizing = {system.name: system.tokenizing(self.sentences) for system in self.systems}
            self.say("throughput on one thread")
            found = {1: batches(readers, self.sentences, seconds, meter)}
        if (cores := torch.get_num_threads()) > 1:
            self.say(f"throughput on {cores} threads")
            together = {key: running.read for key, running in self._running(cores).items()}
            found[cores] = batches(together, self.sentences, seconds, meter)
            for warning in slower_together(found[1], found[cores], cores):
                self.say(warning)
        return _Measured(alone, queries, tokenizing, found, meter.source, other.is_seen)

    def _record(self, pair: _Pair, found: _Measured) -> BenchmarkRecord:
        (system, kind), key, first = pair, _key(pair), _key(self.pairs[0])
        running, every = found.running[key], found.batches[max(found.batches)]
        parameters, embeddings = system.size()
        return BenchmarkRecord(
            system=system.name,
            runtime=kind,
            corpus=self.data.name,
            split=self.split,
            reference=first,
            f1=self._f1(pair, running),
            parameters=parameters,
            embedding_parameters=embeddings,
            bytes=running.bytes,
            packed_bytes=system.packed_bytes() if kind == "eager" else None,
            flops=system.flops(self.sentences),
            latency_ms=percentiles(found.queries[key]),
            tokenizing_ms=found.tokenizing[system.name],
            queries=len(found.queries[key]),
            seconds=self.measuring.seconds,
            latency_ratio=ratio(found.queries[first], found.queries[key], _median),
            words_per_second={str(count): each.words_per_second(key) for count, each in found.batches.items()},
            throughput_ratio=ratio(every.seconds[first], every.seconds[key], _total),
            peak_memory=self._memory(pair),
            joules_per_1000_words=None if kind == "cuda" else every.joules_per_1000_words(key),
            energy_source="that of a GPU is not measured" if kind == "cuda" else found.energy_source,
            machine_busy=found.machine_busy,
            environment=environment("bf16" if kind in ("bf16", "cuda") else "fp32"),
        )

    def _queried(self, done: int) -> None:
        if done % _TOLD == 0:
            self.say(f"latency: {counted(done, 'query')} of each")

    def _running(self, count: int) -> dict[str, Running | Pipeline]:
        with threads(count):
            return {_key(pair): self._tried(pair, pair[0].running(pair[1], count)) for pair in self.pairs}

    def _tried(self, pair: _Pair, running: Running | Pipeline) -> Running | Pipeline:
        """Return the same once it has read a sentence, which needs compilers and kernels that may be missing."""
        try:
            running.read(self.sentences[:1])
        except Exception as error:  # what runtimes raise has no common base but this one
            reason = first_line(error)
            raise ConfigError(f"{_key(pair)}: cannot run here ({reason}); choose another runtime") from error
        return running

    def _f1(self, pair: _Pair, first: Running | Pipeline) -> list[float]:
        system, kind = pair
        types = self.data.types
        others = (system.running(kind, torch.get_num_threads(), seed) for seed in range(1, len(system.folders)))
        return [
            f1
            for running in (first, *others)
            if system.can_score(running, types)
            and (f1 := score(self.sentences, running.read(self.sentences), types).micro.f1) is not None
        ]

    def _memory(self, pair: _Pair) -> int | None:
        system, kind = pair
        if not self.measuring.memory:
            return None
        texts = [sentence.text for sentence in self.sentences[:BATCH]]
        return peak_memory(system.folders[0], kind, system.scratch, texts)


def slower_together(one: Batches, every: Batches, cores: int) -> Iterator[str]:
    """Yield a warning for each model that reads fewer words a second on several threads than on one.

    Args:
        one: throughput on one thread, by name.
        every: on several.
        cores: how many these are, more than one.
    """
    for key in one.seconds:
        alone, together = one.words_per_second(key), every.words_per_second(key)
        if together < alone:
            yield (
                f"warning: {key}: {together:,.0f} words/s on {cores} threads, {alone:,.0f} on one; "
                "use --threads 1, or end what else runs on these cores"
            )


def _key(pair: _Pair) -> str:
    system, kind = pair
    return f"{system.name}, {kind}"


def _median(times: Times) -> Times:
    return np.asarray(np.median(times, axis=1))


def _total(times: Times) -> Times:
    return np.asarray(times.sum(axis=1))
