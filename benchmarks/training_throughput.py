"""Measure the speed of fine-tuning with finkd's loop, next to a plain Hugging Face Trainer.

    python benchmarks/training_throughput.py
    python benchmarks/training_throughput.py --steps 5 --warm-up 1 --repeats 1

The same MiniLM student (``--layers 6`` is the whole teacher), the same sentences (FiNER-ORD where FINKD_DATA is set,
else the sample) and two threads. The Trainer runs at its defaults: fp32, batches of 32 sentences in their natural
order, padded to the longest. finkd runs at its defaults (which drop no attention, and update only the embeddings that a
batch touches), and once more in fp32. Every side starts in a fresh process, in turn with the others; its figure is the
median of the repeats. Counted are tokens that are not padding, over the steps after the warm-up; reading and tokenizing
the corpus is left out on every side. Prints one JSON line.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.sides import SEED, Marks, run, speed, with_finkd, with_trainer
from finkd import corpora
from finkd.data.batches import TrainingData
from finkd.losses.cross_entropy import CrossEntropy
from finkd.machine.precision import resolve_precision
from finkd.models.heads import with_head
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.models.pretrained import DEFAULT
from finkd.models.truncation import keep_layers
from finkd.training.schedule import Schedule
from finkd.training.trainer import train

SIDES = ("trainer", "finkd", "finkd-fp32")
RATIOS = {"ratio": "finkd", "ratio_same_precision": "finkd-fp32"}
LAYERS = {"type": int, "choices": (3, 6), "default": 3, "help": "layers of the student"}
BATCH = 32


def measure(given: Any) -> dict[str, Any]:
    """Measure one side: tokens per second after the warm-up."""
    model, data, corpus = _task(given.layers)
    total = given.warm_up + given.steps
    precision = resolve_precision("auto") if given.side == "finkd" else "fp32"
    if given.side == "trainer":
        from transformers import DataCollatorForTokenClassification, Trainer  # not part of finkd's memory

        marks = with_trainer(Trainer, model, DataCollatorForTokenClassification, _as_rows(data), data, total, BATCH)
    else:
        marks = _with_finkd(model, data, total, precision)
    return {"tokens_per_second": speed(marks, given), "precision": precision, "corpus": corpus}


def _task(layers: int) -> tuple[Model, TrainingData, str]:
    """Return the student with a fresh head, and the training sentences under its tokenizer."""
    name = "finer-ord" if "FINKD_DATA" in os.environ else "sample"
    corpus = corpora.load(name)
    labels = corpora.label_names(corpus.types)
    encoder = load_model(DEFAULT)
    model = with_head(keep_layers(encoder, (0, 2, 5) if layers == 3 else range(6)), labels, SEED)
    data = TrainingData.of(corpus.splits["train"], model, labels)
    return model, data, name


def _with_finkd(model: Model, data: TrainingData, steps: int, precision: str) -> Marks:
    """Train with finkd's loop at its default schedule; return (seconds, tokens so far) after each step."""
    # At most one epoch per step is ever needed, so the loop ends by its step count and not by its epochs.
    schedule = Schedule(epochs=steps, precision=precision)
    return with_finkd(lambda listen: train(model, data, [CrossEntropy()], schedule, SEED, listen=listen), steps)


def _as_rows(data: TrainingData) -> list[dict[str, list[int]]]:
    """Return the same tokens as the Trainer takes them: a label at each word's first token, -100 elsewhere."""
    encoded = data.student
    labels = np.full(len(encoded.tokens.ids), -100, np.int64)
    covered = encoded.first >= 0
    labels[encoded.first[covered]] = data.labels[covered]
    rows = encoded.tokens.rows.tolist()
    return [
        {
            "input_ids": encoded.tokens.ids[start:end].tolist(),
            "attention_mask": [1] * (end - start),
            "labels": labels[start:end].tolist(),
        }
        for start, end in itertools.pairwise(rows)
    ]


if __name__ == "__main__":
    run(__doc__, __file__, SIDES, measure, RATIOS, steps=60, warm_up=10, layers=LAYERS)
