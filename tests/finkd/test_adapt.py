"""The stage ``adapt``: what it says of the head that it trains."""

import dataclasses
import logging
import math

import pytest

from finkd.corpora.sentence import Sentence
from finkd.stages.adapt import Adapt, _log_perplexity
from finkd.stages.stage import Context
from finkd.store import Store
from finkd.training.checkpoints import Checkpoints
from finkd.training.schedule import Schedule
from tests.finkd.toys import tiny_model
from tests.toys import TEXTS


def test_the_perplexity_is_that_of_the_end(caplog):
    with caplog.at_level(logging.INFO):
        _log_perplexity([(0.5, 9.0), (0.9, 9.0), (0.95, math.log(20)), (1.0, math.log(80))])
        _log_perplexity([])
    assert caplog.messages == ["adapt: the perplexity of masked words is 40.0"]


@pytest.mark.parametrize(("epochs", "is_said"), [(1, True), (2, False)])
def test_it_is_said_of_text_that_was_not_read_before(epochs, is_said, tmp_path, caplog):
    sentences = [Sentence.from_words(text.split()) for text in TEXTS]
    context = Context(sentences, ("O",), "corpus", 1, Store(tmp_path))
    stage = Adapt(on="gold", train="head", schedule=Schedule(epochs=epochs, batch_tokens=16, precision="fp32"))
    checkpoints = Checkpoints(context.store, "key", 60)
    checkpoints.losses.append((1.0, 3.0))  # as ``finkd.execution.lineage`` traces them
    with caplog.at_level(logging.INFO):
        stage.run(tiny_model(), dataclasses.replace(context, checkpoints=checkpoints))
    assert any("perplexity" in message for message in caplog.messages) is is_said
