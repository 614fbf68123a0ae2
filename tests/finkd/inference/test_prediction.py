"""Predictions: interruption between two batches, and the device they run on."""

import numpy as np
import pytest
import torch

from finkd.export.loading import load_tagger
from finkd.export.onnx_tagger import OnnxTagger
from finkd.inference import prediction
from finkd.inference.interrupt import current_interrupt, interruptible
from finkd.inference.tagging import predict
from tests.finkd.toys import LABELS, tiny_model

MODEL = tiny_model(labels=LABELS, seed=5)
TEXT = "Acme lent Sachs money. " * 500


class Session:
    """A graph that counts its batches."""

    def __init__(self):
        self.batches = 0

    def run(self, outputs, given):
        self.batches += 1
        return [np.zeros((*given["input_ids"].shape, len(LABELS)), np.float32)]


class StopError(Exception):
    """Raised in the third batch."""


def stops(seen):
    def interrupt(tokens):
        seen.append(tokens)
        if len(seen) == 4:
            raise StopError

    return interrupt


def test_tokens_are_told_before_they_are_read_and_batches_are_stopped():
    seen = []
    with pytest.raises(StopError):
        next(predict([TEXT], MODEL, interrupt=stops(seen)))
    assert seen[0] > 2500
    assert seen[1:] == [0, 0, 0]


def test_a_graph_is_stopped_as_well():
    session = Session()
    tagger = OnnxTagger(session, MODEL.tokenizer, MODEL.labels, 256)
    with pytest.raises(StopError):
        next(predict([TEXT], tagger, interrupt=stops([])))
    assert session.batches == 2


def test_nothing_is_stopped_outside():
    with interruptible(stops([])), interruptible(None):
        current_interrupt()(1)
    current_interrupt()(1)
    assert [each.mentions for each in predict(["Acme"], MODEL)] == [
        each.mentions for each in predict(["Acme"], MODEL, interrupt=lambda tokens: None)
    ]


@pytest.fixture
def moved(monkeypatch):
    """Networks that are moved to a GPU, which is only said to be there."""
    found = []

    def to(self, device):
        found.append(self)
        self.where = torch.device(device)
        return self

    kind = type(MODEL.network)
    monkeypatch.setattr(kind, "to", to)
    monkeypatch.setattr(kind, "device", property(lambda self: self.__dict__.get("where", torch.device("cpu"))))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(prediction, "to_device", lambda batch, device: batch)
    return found


def test_a_model_that_other_threads_may_be_running_is_not_moved(moved):
    list(predict(["Acme"], MODEL))
    assert moved
    assert all(each is not MODEL.network for each in moved)


def test_a_tagger_is_moved_once_when_it_is_loaded(moved, tmp_path):
    MODEL.save(tmp_path)
    tagger = load_tagger(tmp_path)
    assert [each.device.type for each in moved] == ["cuda"]
    list(predict(["Acme", "Sachs"], tagger, 1))
    assert len(moved) == 1
