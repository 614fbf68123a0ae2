"""Models in several runtimes, measured side by side."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import corpora
from corpora.corpus import NerData
from corpora.errors import ConfigError
from experiments.config import slug
from experiments.splits import scored_split
from finkd import models, teachers
from finkd.environment import environment
from finkd.evaluation import Tagger, evaluate
from finkd.examples import WINDOW, windows_and_pieces
from finkd.models import Model
from finkd.resources import cores_busy, threads
from finkd.runtimes import runtimes
from finkd.runtimes.energy import Meter
from finkd.runtimes.memory import peak_memory
from finkd.runtimes.record import SUFFIX, BenchmarkRecord
from finkd.runtimes.runtime import Running
from finkd.runtimes.timing import BATCH, Batches, Times, batches, latencies, ratio, tokenizing

_BUSY = 0.3
_PERCENTILES = (50, 90, 99)


@dataclass(frozen=True)
class Measuring:
    """How long to measure.

    Attributes:
        queries: of each model in each runtime, at least.
        seconds: that each works, at least, for each of latency and both throughputs.
        memory: whether peak memory is measured, in a process for each.
    """

    queries: int = 1024
    seconds: float = 10.0
    memory: bool = True


def benchmark(
    named: Mapping[str, str],
    kinds: Sequence[str],
    data: NerData,
    out: Path,
    split: str | None = None,
    measuring: Measuring | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[BenchmarkRecord]:
    """Measure models in runtimes; the first model in the first runtime is the reference of all ratios.

    Args:
        named: what tables call a model -> its name or folder.
        kinds: names of runtimes.
        data: a labelled corpus whose sentences are read.
        out: folder of the records.
        split: of the corpus.
        measuring: how long.
        say: told what is being done.

    Returns:
        one record per model and runtime, as also written to ``out``.

    Raises:
        ConfigError: if a model is no tagger, or cannot run in a runtime; before anything is measured.
    """
    split = scored_split(data, split)
    with tempfile.TemporaryDirectory() as scratch:
        bench = _Bench(named, kinds, data, split, measuring or Measuring(), Path(scratch), say)
        records = bench.records()
    for record in records:
        record.save(out / "records" / f"{slug(record.system)}--{slug(record.runtime)}{SUFFIX}")
    return records


@dataclass(frozen=True)
class _Measured:
    """What was timed, by ``"model, runtime"``, but for tokenizing, which is by model."""

    running: Mapping[tuple[str, str], Running]
    queries: Mapping[str, Times]
    tokenizing: Mapping[str, Times]
    batches: Mapping[int, Batches]
    energy_source: str


class _Bench:
    def __init__(
        self,
        named: Mapping[str, str],
        kinds: Sequence[str],
        data: NerData,
        split: str,
        measuring: Measuring,
        scratch: Path,
        say: Callable[[str], None],
    ) -> None:
        self.data, self.split, self.measuring, self.scratch, self.say = data, split, measuring, scratch, say
        self.sentences = data.splits[split]
        if len({slug(name) for name in named}) < len(named):
            raise ConfigError(f"benchmark: names that differ only in case or signs (got {', '.join(named)})")
        self.folders = {name: teachers.resolve(source) for name, source in named.items()}
        self.models = {name: _tagger(name, folder) for name, folder in self.folders.items()}
        self.pairs = [(name, kind) for name in named for kind in kinds]
        self.makers = {kind: runtimes.get(kind) for kind in kinds}

    def records(self) -> list[BenchmarkRecord]:
        """All figures."""
        busy = cores_busy() > _BUSY
        found = self._measured()
        self.say("F1 and memory")
        return [self._record(pair, found, busy) for pair in self.pairs]

    def _measured(self) -> _Measured:
        self.say("making the runtimes")
        alone = self._running(1)
        taggers = {_key(pair): running.tagger for pair, running in alone.items()}
        seconds = self.measuring.seconds
        with threads(1):
            self.say(f"latency: {len(taggers)} in turn")
            queries = latencies(taggers, self.sentences, self.measuring.queries, seconds)
            cutting = {name: tokenizing(model, self.sentences) for name, model in self.models.items()}
            self.say("throughput on one thread")
            one = batches(taggers, self.sentences, seconds, Meter())
        cores = torch.get_num_threads()
        self.say(f"throughput on {cores} threads")
        together = {_key(pair): running.tagger for pair, running in self._running(cores).items()}
        meter = Meter()
        every = batches(together, self.sentences, seconds, meter)
        return _Measured(alone, queries, cutting, {1: one, cores: every}, meter.source)

    def _record(self, pair: tuple[str, str], found: _Measured, busy: bool) -> BenchmarkRecord:
        (name, kind), key, first = pair, _key(pair), _key(self.pairs[0])
        model, running, every = self.models[name], found.running[pair], found.batches[max(found.batches)]
        return BenchmarkRecord(
            system=name,
            runtime=kind,
            corpus=self.data.name,
            split=self.split,
            reference=first,
            f1=self._f1(running.tagger),
            parameters=sum(each.numel() for each in model.network.parameters()),
            embedding_parameters=model.embeddings.weight.numel(),
            bytes=running.bytes,
            flops=self._flops(model),
            latency_ms=_percentiles(found.queries[key]),
            tokenizing_ms=_percentiles(found.tokenizing[name]),
            queries=len(found.queries[key]),
            latency_ratio=ratio(found.queries[first], found.queries[key], _median),
            words_per_second={str(count): each.words_per_second(key) for count, each in found.batches.items()},
            throughput_ratio=ratio(every.seconds[first], every.seconds[key], _total),
            peak_memory=self._memory(pair),
            joules_per_1000_words=every.joules_per_1000_words(key),
            energy_source=found.energy_source,
            machine_busy=busy,
            environment=environment("bf16" if kind in ("bf16", "cuda") else "fp32"),
        )

    def _running(self, count: int) -> dict[tuple[str, str], Running]:
        with threads(count):
            return {
                (name, kind): self.makers[kind](self.models[name], self._scratch(name), count)
                for name, kind in self.pairs
            }

    def _scratch(self, name: str) -> Path:
        folder = self.scratch / slug(name)
        folder.mkdir(exist_ok=True)
        return folder

    def _f1(self, tagger: Tagger) -> float | None:
        if not set(corpora.label_names(self.data.types)) <= set(tagger.labels):
            return None
        return evaluate(self.sentences, tagger, self.data.types).micro.f1

    def _memory(self, pair: tuple[str, str]) -> int | None:
        if not self.measuring.memory:
            return None
        texts = [sentence.text for sentence in self.sentences[:BATCH]]
        return peak_memory(self.folders[pair[0]], pair[1], self._scratch(pair[0]), texts)

    def _flops(self, model: Model) -> dict[str, int]:
        limit = min(WINDOW, model.max_length)
        lengths = windows_and_pieces(self.sentences, model.tokenizer, limit)[1].lengths
        return {str(pieces): _flops(model, pieces) for pieces in sorted({128, max(2, round(float(lengths.mean())))})}


def _tagger(name: str, folder: Path) -> Model:
    model = models.load(folder)
    if "O" not in model.labels:
        raise ConfigError(f"{name}: has no head that tags entities; fine-tune it first")
    return model


def _key(pair: tuple[str, str]) -> str:
    return ", ".join(pair)


@torch.inference_mode()
def _flops(model: Model, pieces: int) -> int:
    """Of one text, twice its multiplications."""
    network: Any = model.network
    ids = torch.ones(1, min(pieces, model.max_length), dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        network(input_ids=ids, attention_mask=torch.ones_like(ids))
    return int(counter.get_total_flops())


def _percentiles(seconds: Times) -> dict[str, float]:
    return {f"p{share}": float(np.percentile(seconds, share) * 1000) for share in _PERCENTILES}


def _median(times: Times) -> Times:
    return np.asarray(np.median(times, axis=1))


def _total(times: Times) -> Times:
    return np.asarray(times.sum(axis=1))
