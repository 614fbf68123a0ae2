"""Which words are hidden."""

from dataclasses import fields, replace

import numpy as np
import pytest

from finkd.corpora.sentence import Sentence
from finkd.data.batches import TrainingData
from finkd.data.masking import masking_version, with_masking
from finkd.losses.term import Requirement
from finkd.stages.adapt import Adapt
from finkd.stages.distill import Distill
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


@pytest.mark.parametrize("fraction", [0.15, 0.3, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("rarity", [0.3, 0.7, 1.0])
def test_as_many_are_hidden_where_no_chance_can_be_above_one(fraction, rarity, data):
    chances = with_masking(data, fraction, rarity).masking
    assert chances.mean() == pytest.approx(fraction)
    assert chances.max() <= 1
    by_word = dict(zip(WORDS, chances.tolist(), strict=True))
    assert by_word["acme"] >= by_word["lent"] >= by_word["bank"]
    if by_word["lent"] < 1:
        assert by_word["lent"] / by_word["bank"] == pytest.approx(2**rarity)


def test_no_chance_is_above_one(data):
    assert with_masking(data, 0.9, 1.0).masking.max() == 1


@pytest.mark.parametrize("stage", [Adapt, Distill])
def test_only_addresses_with_rarity_have_its_version(stage):
    assert masking_version(0.0) == {}
    assert masking_version(0.7)
    assert not masking_version(0.7).keys() & {each.name for each in fields(stage)}  # which would leave the setting out


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
