"""Compare students that learn in equal time from predictions at masked tokens alone and at every token.

    python benchmarks/masked_positions.py
    python benchmarks/masked_positions.py --seconds 5 --sentences 300 --seeds 1

DistilBERT's triple loss compares predictions at every token; finkd by default compares them at masked tokens, which
costs a sixth of the vocabulary scores. MiniLM gets a masked-LM head first, trained alone for as long. Then students of
3 of its layers learn from it within the given time budget, batches and precision alike, and are scored on sentences
that none of them has seen: the divergence of their predictions from the teacher's at masked tokens (tau = 1), their own
masked-LM loss, and the share of masked tokens whose likeliest prediction is the teacher's. Text: financial news and
filings where FINKD_DATA is set, else the sample. Prints one JSON line with the mean and the standard deviation over
seeds.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from torch.nn import functional

from benchmarks.shared import options, raw_text, spread
from benchmarks.sides import triple_loss
from finkd import corpora
from finkd.data.batches import TrainingData
from finkd.data.sampler import by_length
from finkd.inference.forward import forward
from finkd.losses.masked_lm import MaskedLM
from finkd.losses.term import Requirement
from finkd.models.heads import with_masked_head
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.models.pretrained import DEFAULT
from finkd.models.truncation import keep_layers
from finkd.stages.adapt import Adapt
from finkd.stages.distill import Distill
from finkd.training.teacher_outputs import LiveTeacher
from finkd.training.trainer import train

SIDES = ("masked", "all")
HELD_OUT = 2000
Figures = dict[str, float]


def main() -> None:
    """Train both students for each seed and print the comparison."""
    given = options(
        __doc__,
        seconds=(60.0, "of each training"),
        sentences=(24_000, "of raw text"),
        seeds=(3, "how many seeds"),
        threads=2,
    )
    torch.set_num_threads(given.threads)
    runs: dict[str, list[Figures]] = {side: [] for side in SIDES}
    for seed in range(1, given.seeds + 1):
        for side, figures in _compared(given, seed).items():
            print(f"seed {seed}, {side}: {figures}", file=sys.stderr)
            runs[side].append(figures)
    summary = {side: {name: spread([run[name] for run in found]) for name in found[0]} for side, found in runs.items()}
    print(json.dumps({**summary, **vars(given), "corpus": raw_text(), "torch": torch.__version__}))


def _compared(given: Any, seed: int) -> dict[str, Figures]:
    """Return figures of both students of one seed."""
    drawn = list(corpora.sample_sentences(raw_text(), given.sentences + HELD_OUT, seed, max_words=60))
    held_out = drawn[-min(HELD_OUT, len(drawn) // 4) :]
    text = drawn[: -len(held_out)]
    timed = {"epochs": 1000, "seconds": given.seconds}  # more passes than there is time for
    teacher = with_masked_head(load_model(DEFAULT), seed)
    teacher.encoder.requires_grad_(False)
    head = replace(Adapt().schedule, **timed, embedding_learning_rate=0.0)
    train(teacher, TrainingData.of(text, teacher), [MaskedLM()], head, seed)
    found = {}
    for side in SIDES:
        student = keep_layers(teacher, (0, 2, 5))
        student.network.requires_grad_(True)
        data = TrainingData.of(text, student, teacher=teacher)
        schedule = replace(Distill().schedule, **timed, learning_rate=5e-4)
        tokens = train(student, data, triple_loss(side), schedule, seed, LiveTeacher(teacher))
        found[side] = {"tokens": tokens, **_scored(student, teacher, held_out)}
    return found


def _scored(student: Model, teacher: Model, held_out: list[Any]) -> Figures:
    """Return means over the masked tokens of text that was held out; the same tokens for every student."""
    data = TrainingData.of(held_out, student, teacher=teacher)
    totals, count = np.zeros(3), 0
    for number, rows in enumerate(by_length(np.arange(len(data.lengths)), data.lengths, 4096)):
        batch = data.batch(rows, Requirement.MLM_LOGITS, (0, number))
        assert batch.teacher is not None
        assert batch.alignment is not None
        assert batch.alignment.masked is not None
        hidden = batch.alignment.masked.student
        with torch.inference_mode():
            pairs = ((student, batch.student), (teacher, batch.teacher))
            scores = (forward(model.network, seen, Requirement.NONE, hidden.at).mlm_logits for model, seen in pairs)
            log_p, log_q = (functional.log_softmax(each, dim=-1) for each in scores if each is not None)
        totals += [
            functional.kl_div(log_p, log_q, reduction="sum", log_target=True).item(),
            functional.nll_loss(log_p, hidden.ids, reduction="sum").item(),
            int((log_p.argmax(dim=-1) == log_q.argmax(dim=-1)).sum()),
        ]
        count += len(hidden.ids)
    names = ("divergence_from_teacher", "masked_lm_loss", "agrees_with_teacher")
    return {name: round(float(total / count), 4) for name, total in zip(names, totals, strict=True)}


if __name__ == "__main__":
    main()
