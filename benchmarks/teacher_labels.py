"""Measure how fast a teacher labels raw text, next to plain batches of a Hugging Face model.

    python benchmarks/teacher_labels.py runs/big-teacher/models/mpnet-seed-1
    python benchmarks/teacher_labels.py MODEL --sentences 300 --repeats 1 --corpus sample-text

Sides, in turn: ``transformers`` reads 32 sentences at a time in their natural order, padded to the longest, in fp32;
``transformers-bf16`` does so in bf16; ``finkd`` is what ``task-distill`` does (``finkd.teachers.labels``): windows of
like length together, in the machine's best precision. Counted are tokens that are not padding; each figure is the
median of the repeats. ``share_of_peak`` is what the model's matrix products alone would take at the speed of a large
matrix product in the same precision. Prints one JSON line.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch

from benchmarks.shared import options, raw_text
from finkd import corpora
from finkd.corpora.sentence import Sentence
from finkd.data.encoding import windows_and_tokens
from finkd.inference.tagger import sentence_logits
from finkd.machine.precision import in_precision, resolve_precision
from finkd.machine.speed import matmul_speed
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.models.pretrained import resolve
from finkd.models.shape import read_shape

BATCH = 32


def plain(model: Model, sentences: Sequence[Sentence], precision: str) -> None:
    """Run a model over sentences as they come, padded to the longest of each batch."""
    network = in_precision(model.network.train(False), precision)
    pad = model.tokenizer.special_ids["pad"]
    for start in range(0, len(sentences), BATCH):
        _, encoded = windows_and_tokens(sentences[start : start + BATCH], model.tokenizer, model.max_length)
        mask = np.arange(encoded.lengths.max()) < encoded.lengths[:, None]
        ids = np.full(mask.shape, pad, np.int64)
        ids[mask] = encoded.tokens.ids
        with torch.inference_mode():
            network(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask.astype(np.int64)))


def measure(model: Model, folder: Path, sentences: Sequence[Sentence], repeats: int) -> dict[str, object]:
    """Return tokens a second of each side, and finkd's ratio to the others."""
    best = resolve_precision("auto")
    sides: dict[str, tuple[str, Callable[[], object]]] = {
        "transformers": ("fp32", lambda: plain(model, sentences, "fp32")),
        "transformers-bf16": ("bf16", lambda: plain(model, sentences, "bf16")),
        "finkd": (best, lambda: list(sentence_logits(sentences, model, precision=best))),
    }
    _, encoded = windows_and_tokens(sentences, model.tokenizer, model.max_length)
    operations = read_shape(folder).flops_per_token(np.array([encoded.lengths.mean()]))[0]
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, (_, run) in sides.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    speeds = {name: len(encoded.tokens.ids) / statistics.median(times) for name, times in seconds.items()}
    shares = {name: float(speeds[name] * operations / matmul_speed(sides[name][0], 2048)) for name in sides}
    return {
        "tokens": len(encoded.tokens.ids),
        "tokens_per_second": {name: round(speed) for name, speed in speeds.items()},
        "share_of_peak": {name: round(share, 3) for name, share in shares.items()},
        "ratio": round(speeds["finkd"] / speeds["transformers"], 2),
        "ratio_bf16": round(speeds["finkd"] / speeds["transformers-bf16"], 2),
        "precision": best,
        "threads": torch.get_num_threads(),
    }


def main() -> None:
    """Measure and print."""
    given = options(
        __doc__,
        "model",
        corpus=(raw_text(), "raw text"),
        sentences=(2000, "sentences to label"),
        repeats=(3, "runs of each side"),
    )
    sentences = list(corpora.sample_sentences(given.corpus, given.sentences, max_words=40, or_fewer=True))
    print(json.dumps(measure(load_model(given.model), resolve(given.model), sentences, given.repeats)))


if __name__ == "__main__":
    main()
