"""The side of the distillation benchmark that trains on the Trainer's batches."""

from types import SimpleNamespace

import numpy as np

from benchmarks import distill_throughput
from finkd.training import loop


def test_the_same_loss_is_measured_on_the_trainers_batches(monkeypatch):
    planned = []

    def train(student, data, losses, schedule, *others):
        planned.append(loop.training_batches(data.lengths, schedule.batch_tokens, 1, schedule.epochs))

    monkeypatch.setattr(distill_throughput.trainer, "train", train)
    data = SimpleNamespace(lengths=np.arange(1, 41))
    for same in (True, False):
        distill_throughput._with_finkd(None, None, data, 2, "fp32", same=same)
    natural, own = planned
    assert [batch.tolist() for batch in natural] == [list(range(32)), list(range(32, 40))] * 2
    assert [batch.tolist() for batch in own] != [batch.tolist() for batch in natural]
