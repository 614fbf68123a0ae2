"""First figures of what a model takes: size on disk, latency of one sentence, words per second."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil
import torch

from corpora.sentence import Sentence
from finkd.evaluation import predict
from finkd.models import Model
from finkd.records import Resources

WARM_UPS = 20
PERCENTILES = (10, 25, 50, 75, 90, 99)
_BUSY = 0.3


def measure(
    systems: Mapping[str, tuple[Model, Path]], sentences: Sequence[Sentence], queries: int = 256, batch: int = 32
) -> dict[str, Resources]:
    """Measure several models side by side, so that whatever else the machine does hits all of them alike.

    Latency is of one whole query, from text to tags, at batch 1 on one thread; throughput is of batches on all threads.

    Args:
        systems: name -> (model, the folder that it is saved in).
        sentences: real sentences; taken in turn.
        queries: timed queries per system, after ``WARM_UPS``; 0 leaves both speeds out.
        batch: sentences at a time for the throughput.
    """
    busy = queries > 0 and cores_busy() > _BUSY
    models = {name: model for name, (model, _) in systems.items()}
    order = [sentences[i % len(sentences)] for i in range(WARM_UPS + queries)] if queries else []
    latency = _latency(models, order)
    speed = _throughput(models, order[WARM_UPS:], batch)
    return {
        name: Resources(
            parameters=sum(parameter.numel() for parameter in model.network.parameters()),
            embedding_parameters=model.embeddings.weight.numel(),
            bytes=folder_bytes(folder),
            latency_ms=latency.get(name, {}),
            words_per_second=speed.get(name),
            machine_busy=busy,
        )
        for name, (model, folder) in systems.items()
    }


def _latency(models: Mapping[str, Model], order: Sequence[Sentence]) -> dict[str, dict[str, float]]:
    """Percentiles of the milliseconds per sentence, the first ``WARM_UPS`` left out."""
    seconds: dict[str, list[float]] = {name: [] for name in models}
    with threads(1):
        for sentence in order:
            for name, model in models.items():
                began = time.perf_counter()
                predict([sentence], model)
                seconds[name].append(time.perf_counter() - began)
    return {
        name: {f"p{share}": float(np.percentile(values[WARM_UPS:], share) * 1000) for share in PERCENTILES}
        for name, values in seconds.items()
        if values
    }


def _throughput(models: Mapping[str, Model], sentences: Sequence[Sentence], batch: int) -> dict[str, float]:
    """Words per second."""
    total: dict[str, float] = dict.fromkeys(models, 0.0)
    for start in range(0, len(sentences), batch):
        for name, model in models.items():
            began = time.perf_counter()
            predict(sentences[start : start + batch], model)
            total[name] += time.perf_counter() - began
    words = sum(len(sentence.spans) for sentence in sentences)
    return {name: words / seconds for name, seconds in total.items() if seconds}


def folder_bytes(folder: Path) -> int:
    """Bytes of a saved model: weights, configuration and tokenizer."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.suffix in (".safetensors", ".json"))


def cores_busy() -> float:
    """Cores that were busy over a moment in which this process slept."""
    return float(psutil.cpu_percent(interval=0.3)) / 100 * (psutil.cpu_count() or 1)


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Let PyTorch and the tokenizers use so many threads."""
    before = torch.get_num_threads()
    parallel = os.environ.get("TOKENIZERS_PARALLELISM")
    torch.set_num_threads(count)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if parallel is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = parallel
