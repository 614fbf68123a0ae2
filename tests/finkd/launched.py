"""Short trainings of every kind, in this process or in those that ``accelerate launch`` has started.

ACCELERATE_USE_CPU=true accelerate launch --multi_gpu --num_processes 2 tests/finkd/launched.py weights.safetensors
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from finkd.losses.aligned_hidden_states import AlignedHiddenStates
from finkd.losses.cross_entropy import CrossEntropy
from finkd.losses.word_logits_kl import WordLogitsKL
from finkd.machine import processes
from finkd.models.heads import with_masked_head
from finkd.training.teacher_outputs import LiveTeacher
from finkd.training.trainer import train
from tests.finkd.toys import LABELS, QUICK, SENTENCES, ner_data, tiny_model
from tests.finkd.training.test_trainer import ENCODER_TERMS
from tests.toys import roberta

# Some batches have fewer examples than there are processes.
SCHEDULE = replace(QUICK, dropout=0.0, batch_tokens=40)
TAGGER_TERMS = [CrossEntropy(), WordLogitsKL(), AlignedHiddenStates()]


def encoder(term):
    """An encoder after a training by one term."""
    teacher = with_masked_head(tiny_model(roberta(), layers=3, seed=5), 1)
    model = with_masked_head(tiny_model(), 2)
    data = replace(ner_data(SENTENCES, model, teacher), masking=0.4)
    train(model, data, [term], SCHEDULE, 1, LiveTeacher(teacher))
    return model


def tagger(**how):
    """A narrow tagger after a training by labels, distributions and states, with a learnt map between the widths."""
    teacher = tiny_model(roberta(), layers=3, labels=LABELS, seed=5)
    model = tiny_model(width=16, labels=LABELS)
    train(model, ner_data(SENTENCES, model, teacher), TAGGER_TERMS, replace(SCHEDULE, **how), 1, LiveTeacher(teacher))
    return model


TRAININGS = {
    **{repr(term): (lambda term=term: encoder(term)) for term in ENCODER_TERMS},
    "tagger": tagger,
    "tagger, balanced": lambda: tagger(gradient_norm_balancing=True),
}


def weights(model):
    """Weights by name, each with memory of its own."""
    return {name: weight.detach().clone() for name, weight in model.network.named_parameters()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    assert processes.count() == 2
    found = {f"{name}/{key}": w for name, make in TRAININGS.items() for key, w in weights(make()).items()}
    if processes.is_first():
        save_file(found, Path(sys.argv[1]))
