"""Measure the speed of fine-tuning with finkd's loop, next to a plain Hugging Face Trainer.

    python benchmarks/training_throughput.py
    python benchmarks/training_throughput.py --steps 5 --warm-up 1 --repeats 1

The same MiniLM student (``--layers 6`` is the whole teacher), the same sentences (FiNER-ORD where FINKD_DATA is set,
else the sample) and two threads. The Trainer runs at its defaults: fp32, batches of 32 sentences in their natural
order, padded to the longest. finkd runs at its defaults (which drop no attention, and update only the embeddings that a
batch touches), and once more in fp32. Every side starts in a fresh process,
in turn with the others; its figure is the median of the repeats. Counted are tokens that are not padding, over the
steps after the warm-up; reading and tokenizing the corpus is left out on every side. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.sides import SEED, Marks, compared, in_turn, parser, speed, with_finkd, with_trainer

if TYPE_CHECKING:
    from finkd.data.batches import TrainingData
    from finkd.models.model import Model

SIDES = ("trainer", "finkd", "finkd-fp32")
BATCH = 32


def main() -> None:
    """Run every side in its own process and print the comparison."""
    options = parser(__doc__, SIDES, steps=60, warm_up=10)
    options.add_argument("--layers", type=int, choices=(3, 6), default=3, help="layers of the student")
    arguments = options.parse_args()
    if arguments.side:
        print(json.dumps(measure(arguments)))
        return
    runs = in_turn(__file__, SIDES, arguments.repeats)
    result = compared(runs, arguments, {"ratio": "finkd", "ratio_same_precision": "finkd-fp32"})
    result["layers"] = arguments.layers
    print(json.dumps(result))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one side: tokens per second after the warm-up, and the process's peak memory."""
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    import torch

    torch.set_num_threads(arguments.threads)
    model, data, corpus = _task(arguments.layers)
    total = arguments.warm_up + arguments.steps
    if arguments.side == "trainer":
        from transformers import DataCollatorForTokenClassification, Trainer

        precision = "fp32"
        marks = with_trainer(Trainer, model, DataCollatorForTokenClassification, _as_rows(data), data, total, BATCH)
    else:
        from finkd.system.precision import resolve_precision

        precision = resolve_precision("auto" if arguments.side == "finkd" else "fp32")
        marks = _with_finkd(model, data, total, precision)
    return {
        "tokens_per_second": speed(marks, arguments.warm_up, arguments.steps),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "precision": precision,
        "corpus": corpus,
    }


def _task(layers: int) -> tuple[Model, TrainingData, str]:
    """Return the student with a fresh head, and the training sentences under its tokenizer."""
    from finkd import corpora
    from finkd.data.batches import TrainingData
    from finkd.models.heads import with_head
    from finkd.models.loading import load_model
    from finkd.models.pretrained import DEFAULT
    from finkd.models.truncation import keep_layers

    name = "finer-ord" if "FINKD_DATA" in os.environ else "sample"
    corpus = corpora.load(name)
    labels = corpora.label_names(corpus.types)
    encoder = load_model(DEFAULT)
    model = with_head(keep_layers(encoder, (0, 2, 5) if layers == 3 else range(6)), labels, SEED)
    data = TrainingData.of(corpus.splits["train"], model, labels)
    return model, data, name


def _with_finkd(model: Model, data: TrainingData, steps: int, precision: str) -> Marks:
    """Train with finkd's loop at its default schedule; return (seconds, tokens so far) after each step."""
    from finkd.losses.cross_entropy import CrossEntropy
    from finkd.training.schedule import Schedule
    from finkd.training.trainer import train

    # At most one epoch per step is ever needed, so the loop ends by its step count and not by its epochs.
    schedule = Schedule(epochs=steps, precision=precision)
    return with_finkd(lambda listen: train(model, data, [CrossEntropy()], schedule, SEED, listen=listen), steps)


def _as_rows(data: TrainingData) -> list[dict[str, list[int]]]:
    """Return the same tokens as the Trainer takes them: a label at each word's first token, -100 elsewhere."""
    import numpy as np

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
    main()
