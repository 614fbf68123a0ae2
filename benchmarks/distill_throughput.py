"""Measure the speed of distillation by DistilBERT's triple loss, next to a Hugging Face Trainer with the same loss.

    python benchmarks/distill_throughput.py
    python benchmarks/distill_throughput.py --steps 3 --warm-up 1 --repeats 1

Teacher: MiniLM (6 layers) under a masked-LM head; student: 3 of its layers. Temperature 2, weights 5, 2, 1 for the
teacher's predictions, the text itself and the direction of the last states. Text: FIN5 and FIN3 where FINKD_DATA is
set, else the sample. Two threads. The Trainer reads 32 sentences in their natural order, padded to the longest, and
compares predictions at every token, all in fp32. ``finkd-same`` does the same on the same sentences in fp32; ``finkd``
is what a distillation does by default: predictions at masked tokens, sentences of like length together, 4,096 tokens a
step, bf16 where the processor has it; ``finkd-fp32`` is that in fp32. Every side starts in a fresh process, in turn
with the others; its figure is the median of the repeats. Counted are tokens that are not padding. ``share_of_peak`` is
what the models' matrix products alone would take at the speed of a large matrix product that was measured in the same
process. Prints one JSON line.
"""

from __future__ import annotations

import itertools
import os
import sys
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from torch.nn import functional

from benchmarks.sides import PREDICTIONS, SEED, STATES, TEXT, Marks, run, speed, triple_loss, with_finkd, with_trainer
from finkd import corpora
from finkd.data.batches import TrainingData
from finkd.machine.precision import resolve_precision
from finkd.machine.speed import matmul_speed
from finkd.models.heads import with_masked_head
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.models.pretrained import DEFAULT, resolve
from finkd.models.shape import read_shape
from finkd.models.truncation import keep_layers
from finkd.stages.distill import Distill
from finkd.training import loop, trainer
from finkd.training.teacher_outputs import LiveTeacher

SIDES = ("trainer", "finkd-same", "finkd-fp32", "finkd")
RATIOS = {"ratio": "finkd", "ratio_same_loss": "finkd-same"}
BATCH = 32
TEMPERATURE = 2.0
MASKED = 0.15


def measure(given: Any) -> dict[str, Any]:
    """Measure one side: tokens per second after the warm-up, and its share of the machine."""
    teacher, student, data, corpus = _task()
    total = given.warm_up + given.steps
    precision = resolve_precision("auto") if given.side == "finkd" else "fp32"
    if given.side == "trainer":
        marks = _with_trainer(teacher, student, data, total)
    else:
        marks = _with_finkd(teacher, student, data, total, precision, same=given.side == "finkd-same")
    reached = speed(marks, given)
    operations = _operations(data, vocabulary=MASKED if given.side in ("finkd", "finkd-fp32") else 1.0)
    share = reached * operations / matmul_speed(precision, 2048)
    return {"tokens_per_second": reached, "share_of_peak": share, "precision": precision, "corpus": corpus}


def _operations(data: TrainingData, vocabulary: float) -> float:
    """Return the operations of a step per token: the teacher forward, the student forward and backward."""
    shape = read_shape(resolve(DEFAULT))
    length = np.array([data.lengths.mean()])
    teacher = shape.flops_per_token(length)[0]
    student = replace(shape, layers=3).flops_per_token(length)[0]
    scores = vocabulary * 2 * data.student.size * shape.width
    return float(teacher + scores + 3 * (student + scores))


def _task() -> tuple[Model, Model, TrainingData, str]:
    """Teacher and student under masked-LM heads, and the text under their tokenizer."""
    name = "sec-filings" if "FINKD_DATA" in os.environ else "sample"
    splits = corpora.load(name).splits
    teacher = with_masked_head(load_model(DEFAULT), SEED)
    student = keep_layers(teacher, (0, 2, 5))
    text = [*splits["train"], *splits["test"]]
    return teacher, student, TrainingData.of(text, student, teacher=teacher), name


def _with_finkd(teacher: Model, student: Model, data: TrainingData, steps: int, precision: str, *, same: bool) -> Marks:
    """Train with finkd's loop; return (seconds, tokens so far) after each step."""
    losses = triple_loss("all" if same else "masked")
    schedule = replace(Distill().schedule, epochs=steps, precision=precision, dropout=0.1 if same else 0.0)
    rows = np.arange(len(data.lengths))
    natural = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)] * steps
    # patch.object fails if the loop no longer has the function, whose batches would be compared unnoticed.
    plan = patch.object(loop, "training_batches", lambda *plan: natural) if same else nullcontext()
    with plan:
        return with_finkd(
            lambda listen: trainer.train(student, data, losses, schedule, SEED, LiveTeacher(teacher), listen), steps
        )


def _with_trainer(teacher: Model, student: Model, data: TrainingData, steps: int) -> Marks:
    """Train with a Trainer and the loss of DistilBERT's script; return (seconds, tokens so far) after each step."""
    from transformers import DataCollatorForLanguageModeling, Trainer  # not part of the memory of finkd's sides

    class Distiller(Trainer):
        """The triple loss over all tokens of a batch."""

        def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            labels = inputs.pop("labels")
            ours = model(**inputs, output_hidden_states=True)
            with torch.no_grad():
                theirs = teacher.network(**inputs, output_hidden_states=True)
            real = inputs["attention_mask"].bool()
            predictions = TEMPERATURE**2 * functional.kl_div(
                functional.log_softmax(ours.logits[real] / TEMPERATURE, dim=-1),
                functional.softmax(theirs.logits[real] / TEMPERATURE, dim=-1),
                reduction="batchmean",
            )
            text = functional.cross_entropy(ours.logits.flatten(0, 1), labels.flatten())
            last = [each.hidden_states[-1][real] for each in (ours, theirs)]
            states = functional.cosine_embedding_loss(*last, torch.ones(len(last[0])))
            return PREDICTIONS * predictions + TEXT * text + STATES * states

    rows = data.student.tokens.rows.tolist()
    ids = data.student.tokens.ids
    examples = [{"input_ids": ids[start:end].tolist()} for start, end in itertools.pairwise(rows)]
    collator = partial(DataCollatorForLanguageModeling, mlm_probability=MASKED)
    return with_trainer(Distiller, student, collator, examples, data, steps, BATCH)


if __name__ == "__main__":
    run(__doc__, __file__, SIDES, measure, RATIOS, steps=15, warm_up=3)
