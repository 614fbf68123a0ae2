"""The stage ``adapt``: what it says of the head that it trains."""

import logging
import math

import pytest

from finkd.corpora.sentence import Sentence
from finkd.progress import Progress
from finkd.stages.adapt import Adapt, _LastLosses
from finkd.stages.stage import Context
from finkd.store import Store
from finkd.training.schedule import Schedule
from tests.finkd.toys import tiny_model
from tests.toys import TEXTS


def test_the_last_tenth_counts():
    last = _LastLosses(None)
    for step in range(1, 21):
        last(Progress(step, 20, float(step), 0, 0.0))
    assert last.losses == [19.0, 20.0]


@pytest.mark.parametrize(("epochs", "is_said"), [(1, True), (2, False)])
def test_the_perplexity_is_said_of_text_that_was_not_read_before(epochs, is_said, tmp_path, caplog):
    seen = []
    sentences = [Sentence.from_words(text.split()) for text in TEXTS]
    context = Context(sentences, ("O",), "corpus", 1, Store(tmp_path), listen=seen.append)
    stage = Adapt(on="gold", train="head", schedule=Schedule(epochs=epochs, batch_tokens=16, precision="fp32"))
    with caplog.at_level(logging.INFO):
        stage.run(tiny_model(), context)
    said = [message for message in caplog.messages if "perplexity" in message]
    (last,) = [each.loss for each in seen if each.step > 0.9 * each.steps] if epochs == 1 else [0.0]
    assert said == ([f"adapt: the perplexity of masked words is {math.exp(last):.1f}"] if is_said else [])
