"""Properties of single transfers; those of all transfers are in the contract tests."""

import numpy as np
import pytest

from finkd.models.embedding_transfer import Average, Characters, Focus, Mean, Random, Written
from finkd.tokenization.maps.exact import Exact
from finkd.tokenization.maps.neighbours import Neighbours
from finkd.tokenization.maps.retokenization import Retokenization
from tests.toys import TEXTS, handmade, roberta, wordpiece_cased, wordpiece_uncased

OLD, NEW = (
    handmade("old", "bor", "##row", "##e", "true", "##true"),
    handmade("new", "borrow", "borrowe", "true", "##true"),
)


def row(transfer, token):
    """Which old rows a new one is made of: the table is the identity."""
    carry = transfer(OLD, NEW)
    made = carry(np.eye(len(OLD), dtype=np.float32))[NEW.backend.token_to_id(token)]
    return {OLD.vocabulary[index]: pytest.approx(float(made[index])) for index in np.flatnonzero(made)}


@pytest.mark.parametrize(
    ("transfer", "expected"),
    [
        (Characters(), {"bor": 3 / 7, "##row": 3 / 7, "##e": 1 / 7}),
        (Mean(), {"bor": 1 / 3, "##row": 1 / 3, "##e": 1 / 3}),
        (Written(), {"bor": 3 / 11, "##row": 5 / 11, "##e": 3 / 11}),
    ],
)
def test_means_by_hand(transfer, expected):
    assert row(transfer, "borrowe") == expected
    for token in ("true", "##true"):  # FVT strips ``##``, so that both get one row
        assert row(transfer, token) == {token: 1}


@pytest.mark.parametrize("transfer", [Characters(), Mean(), Written()])
def test_what_cannot_be_spelled_takes_the_unknown_token(transfer):
    """FVT strips ``Ġ`` to nothing, and the mean of no row is NaN."""
    old, new = wordpiece_uncased(), roberta()
    rows = transfer(old, new)(np.eye(len(old), dtype=np.float32))
    for token in ("Ã", "Ġ"):
        assert rows[new.backend.token_to_id(token)].argmax() == old.special_ids["unk"]


def test_focus_copies_what_is_equal_and_combines_or_spells_the_rest():
    old, new = roberta(), wordpiece_cased()
    texts = list(TEXTS[:2])
    rows = Focus()(old, new, texts)(np.eye(len(old), dtype=np.float32))
    near = Neighbours()(old, new, texts)
    equal = Exact().equal(old, new)
    spelled = Retokenization()(old, new).complete(old.special_ids["unk"]).toarray()
    assert 0 < near.covered.sum() < len(new)
    for index in range(len(new)):
        if index in equal:
            assert rows[index, equal[index]] == 1
        expected = near.matrix[[index]].toarray()[0] if near.covered[index] else spelled[index]
        np.testing.assert_array_equal(rows[index], expected)


def test_random_rows_have_the_old_mean_and_deviation():
    table = np.random.default_rng(5).normal([1, -2], [0.5, 3], (len(roberta()), 2)).astype(np.float32)
    rows = Random()(roberta(), wordpiece_cased(), seed=1)(table)
    np.testing.assert_allclose(rows.mean(axis=0), table.mean(axis=0), atol=0.5)
    np.testing.assert_allclose(rows.std(axis=0), table.std(axis=0), rtol=0.2)


def test_average_repeats_the_mean():
    table = np.arange(len(OLD), dtype=np.float32)[:, None]
    rows = Average()(OLD, NEW)(table)
    assert rows[4:, 0].tolist() == [table.mean()] * 4
    assert rows[:4, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("control", [Random(copy_equal=True), Average(copy_equal=True)])
def test_controls_may_copy_what_is_equal(control):
    table = np.arange(len(OLD), dtype=np.float32)[:, None]
    rows = control(OLD, NEW, seed=2)(table)
    for token in ("true", "##true"):
        assert rows[NEW.backend.token_to_id(token)] == table[OLD.backend.token_to_id(token)]
