"""Which words are hidden."""

from dataclasses import replace

import numpy as np
import pytest

from finkd.corpora.sentence import Sentence
from finkd.data.batches import TrainingData
from finkd.data.masking import with_masking
from finkd.losses.term import Requirement
from tests.finkd.toys import tiny_model

# "bank" comes eight times, "lent" four times and "acme" once; each is one token.
WORDS = ["bank"] * 8 + ["lent"] * 4 + ["acme"]


@pytest.fixture
def data():
    return TrainingData.of([Sentence.from_words(WORDS)], tiny_model())


def test_rare_words_are_hidden_more_often_and_as_many_in_all(data):
    chances = with_masking(data, 0.1, 0.5).masking
    by_word = dict(zip(WORDS, chances.tolist(), strict=True))
    assert chances.mean() == pytest.approx(0.1)
    assert by_word["lent"] / by_word["bank"] == pytest.approx(2**0.5)
    assert by_word["acme"] / by_word["bank"] == pytest.approx(8**0.5)


def test_no_chance_is_above_one(data):
    assert with_masking(data, 0.9, 1.0).masking.max() == 1


def test_all_alike_is_a_share(data):
    assert with_masking(data, 0.3).masking == 0.3
    nothing = TrainingData.of([], tiny_model())
    assert with_masking(nothing, 0.3, 1.0).masking == 0.3


def test_a_batch_hides_by_those_chances(data):
    requirements = Requirement.MLM_LOGITS
    sure = np.array([word == "acme" for word in WORDS], np.float32)
    chosen = with_masking(data, 0.3).batch(np.array([0]), requirements, (1,))
    assert len(chosen.alignment.masked.student.ids) > 0
    hidden = replace(data, masking=sure).batch(np.array([0]), requirements, (1,)).alignment.masked.student
    (token,) = hidden.ids.tolist()
    assert data.student.tokens.ids[data.student.first[-1]] == token
