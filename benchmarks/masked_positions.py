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

import argparse
import json
import os
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

if TYPE_CHECKING:
    from finkd.losses.term import Loss, Requirement
    from finkd.models.model import Model
    from finkd.training.schedule import Schedule

SIDES = ("masked", "all")
HELD_OUT = 2000
PREDICTIONS, TEXT, STATES = 5.0, 2.0, 1.0
Figures = dict[str, float]


def main() -> None:
    """Train both students for each seed and print the comparison."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=60, help="of each training")
    options.add_argument("--sentences", type=int, default=24_000, help="of raw text")
    options.add_argument("--seeds", type=int, default=3, help="how many seeds")
    options.add_argument("--threads", type=int, default=2)
    arguments = options.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    import torch

    torch.set_num_threads(arguments.threads)
    runs: dict[str, list[Figures]] = {side: [] for side in SIDES}
    for seed in range(1, arguments.seeds + 1):
        for side, figures in _compared(arguments, seed).items():
            print(f"seed {seed}, {side}: {figures}", file=sys.stderr)
            runs[side].append(figures)
    summary = {side: {name: _spread([run[name] for run in found]) for name in found[0]} for side, found in runs.items()}
    print(json.dumps({**summary, **vars(arguments), "corpus": _corpus(), "torch": torch.__version__}))


def _spread(values: list[float]) -> list[float]:
    """Return mean and sample standard deviation."""
    return [round(statistics.mean(values), 4), round(statistics.stdev(values), 4) if len(values) > 1 else 0.0]


def _corpus() -> str:
    return "financial-text" if "FINKD_DATA" in os.environ else "sample-text"


def _compared(arguments: argparse.Namespace, seed: int) -> dict[str, Figures]:
    """Return figures of both students of one seed."""
    from finkd import corpora
    from finkd.data.batches import TrainingData
    from finkd.losses.masked_lm import MaskedLM
    from finkd.models.heads import with_masked_head
    from finkd.models.loading import load_model
    from finkd.models.pretrained import DEFAULT
    from finkd.models.truncation import keep_layers
    from finkd.stages.adapt import Adapt
    from finkd.stages.distill import Distill
    from finkd.training.teachers import LiveTeacher
    from finkd.training.trainer import train

    drawn = list(corpora.sample_sentences(_corpus(), arguments.sentences + HELD_OUT, seed, max_words=60))
    held_out = drawn[-min(HELD_OUT, len(drawn) // 4) :]
    text = drawn[: -len(held_out)]
    teacher = with_masked_head(load_model(DEFAULT), seed)
    teacher.encoder.requires_grad_(False)
    head = _timed(Adapt().schedule, arguments.seconds, embedding_learning_rate=0.0)
    train(teacher, TrainingData.of(text, teacher), [MaskedLM()], head, seed)
    found = {}
    for side in SIDES:
        student = keep_layers(teacher, (0, 2, 5))
        student.network.requires_grad_(True)
        data = TrainingData.of(text, student, teacher=teacher)
        schedule = _timed(Distill().schedule, arguments.seconds, learning_rate=5e-4)
        tokens = train(student, data, _losses(side), schedule, seed, LiveTeacher(teacher))
        found[side] = {"tokens": tokens, **_scored(student, teacher, held_out)}
    return found


def _timed(schedule: Schedule, seconds: float, **settings: Any) -> Schedule:
    """More passes than there is time for."""
    return replace(schedule, epochs=1000, seconds=seconds, **settings)


def _losses(side: str) -> list[Loss]:
    from finkd.losses.aligned_hidden_states import AlignedHiddenStates
    from finkd.losses.masked_lm import MaskedLM
    from finkd.losses.masked_lm_distillation import MaskedProjection

    predictions = MaskedProjection(PREDICTIONS, positions="all" if side == "all" else "masked")
    return [predictions, MaskedLM(TEXT), AlignedHiddenStates(STATES, "last", "cosine")]


def _scored(student: Model, teacher: Model, held_out: list[Any]) -> Figures:
    """Return means over the masked tokens of text that was held out; the same tokens for every student."""
    import numpy as np
    import torch
    from torch.nn import functional

    from finkd.data.batches import TrainingData
    from finkd.data.sampler import by_length
    from finkd.inference.forward import forward

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
