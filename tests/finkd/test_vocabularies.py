"""Tables between two vocabularies, as the losses read them."""

import pytest
import torch

from finkd.losses.vocabularies import Vocabularies
from tests.toys import roberta, wordpiece_uncased


@pytest.fixture(scope="module")
def across():
    return Vocabularies(roberta(), wordpiece_uncased())


@pytest.fixture(scope="module")
def same():
    return Vocabularies(wordpiece_uncased(), wordpiece_uncased())


def test_one_vocabulary_maps_onto_itself(same):
    every = torch.arange(len(same.student))
    held = torch.tensor([token != "" for token in same.student.vocabulary])
    assert torch.equal(same.spelling[held, 0], every[held])
    guesses = torch.rand(3, len(same.student))
    assert same.project(guesses) is guesses
    assert torch.equal(same.projection.to_dense()[held][:, held], torch.eye(int(held.sum())))
    assert torch.equal(same.equal[held], every[held])
    assert torch.equal(same.nearest[held], every[held])
    table = torch.randn(len(same.student), 4)
    torch.testing.assert_close(same.embeddings(table)[held], table[held])


def test_spellings_read_as_the_text_they_spell(across):
    letters = across.teacher.backend.token_to_id("Ġ")
    for entry, row in enumerate(across.spelling.tolist()):
        tokens = [across.student.vocabulary[token] for token in row if token >= 0]
        if entry == letters or not tokens or "[UNK]" in tokens:
            continue
        text = across.teacher.backend.decode([entry], skip_special_tokens=False).strip()
        text = across.student.backend.normalizer.normalize_str(text)  # lower case, without accents
        spelled = "".join(token.removeprefix("##") for token in tokens)
        if entry not in across.teacher.special_ids.values():
            assert spelled == text


def test_the_first_token_weighs_most(across):
    weights = across.projection.to_dense().T
    spelled = across.spelling[:, 0] >= 0
    torch.testing.assert_close(weights[spelled].sum(dim=1), torch.ones(int(spelled.sum())))
    first = weights[spelled].gather(1, across.spelling[spelled, :1])[:, 0]
    assert (first == weights[spelled].max(dim=1).values).all()
    assert (weights[~spelled] == 0).all()
    guesses = torch.rand(2, len(across.teacher))
    torch.testing.assert_close(across.project(guesses), guesses @ weights)


def test_no_student_entry_is_the_counterpart_of_two(across):
    found = across.equal[across.equal >= 0]
    assert len(found) > 5
    assert len(found.unique()) == len(found)


def test_every_entry_has_a_nearest_one(across):
    assert (across.nearest >= 0).all()
    assert (across.nearest < len(across.student)).all()
