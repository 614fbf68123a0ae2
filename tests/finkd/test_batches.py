import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.batches import plan, words_of
from finkd.examples import IGNORED
from tests.finkd.toys import SENTENCES, ner_data, tiny_model
from tests.toys import roberta, wordpiece_uncased

LENGTHS = st.lists(st.integers(1, 300), max_size=200).map(lambda sizes: np.array(sizes, np.int64))


@given(LENGTHS, st.integers(1, 1000), st.integers(0, 5), st.integers(0, 3))
def test_every_example_comes_once_and_the_budget_holds(lengths, budget, seed, epoch):
    batches = plan(lengths, budget, seed, epoch)
    assert sorted(np.concatenate([*batches, np.zeros(0, np.int64)]).tolist()) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or lengths[rows].max() * len(rows) <= budget


@given(LENGTHS, st.integers(1, 1000), st.integers(0, 5), st.integers(0, 3))
def test_the_plan_depends_on_nothing_but_its_arguments(lengths, budget, seed, epoch):
    once, again = plan(lengths, budget, seed, epoch), plan(lengths.copy(), budget, seed, epoch)
    assert [rows.tolist() for rows in once] == [rows.tolist() for rows in again]


@pytest.mark.parametrize("changed", [(2, 0), (1, 1)])
def test_another_seed_or_epoch_gives_another_plan(changed):
    lengths = np.arange(1, 101)
    plans = [[rows.tolist() for rows in plan(lengths, 256, *numbers)] for numbers in ((1, 0), changed)]
    assert plans[0] != plans[1]


def test_examples_of_a_batch_are_of_similar_length():
    lengths = np.random.default_rng(0).integers(4, 128, 2000)
    padded = sum(int(lengths[rows].max()) * len(rows) for rows in plan(lengths, 2048, 0, 0))
    assert lengths.sum() / padded > 0.9


def test_a_batch_looks_its_words_up_in_the_padded_sequence():
    data = ner_data(SENTENCES, tiny_model())
    rows = np.array([3, 0, 4])
    batch = data.batch(rows)
    ids = batch.student.ids.flatten()
    assert ids[batch.student.words].tolist() == data.student.pieces.ids[data.student.first[batch.words]].tolist()
    assert ids[batch.student.pieces].tolist() == data.student.pieces.take(rows).ids.tolist()
    assert batch.student.mask.sum() == len(batch.student.pieces)
    assert (batch.student.ids[~batch.student.mask] == data.pad).all()
    assert batch.words.tolist() == words_of(data.student, rows).tolist()
    assert batch.labels.tolist() == data.labels[batch.words].tolist()
    assert IGNORED not in batch.labels


def test_words_that_no_loss_may_look_at_stay_out():
    data = ner_data(SENTENCES, tiny_model())
    data.usable[[0, 5]] = False
    batch = data.batch(np.arange(len(SENTENCES)))
    assert len(batch.words) == len(data.labels) - 2
    assert not {0, 5} & set(batch.words.tolist())


def test_both_sides_of_a_batch_hold_the_same_examples():
    student, teacher = tiny_model(wordpiece_uncased()), tiny_model(roberta())
    data = ner_data(SENTENCES, student, teacher)
    batch = data.batch(np.array([1, 2]), pooled=True)
    assert batch.teacher.ids.shape[0] == batch.student.ids.shape[0] == 2
    assert len(batch.pool.covered) == len(batch.student.pieces)
    assert int(batch.pool.indices.max()) < len(batch.teacher.pieces)
    assert (data.lengths >= data.student.lengths).all()
    assert (data.lengths >= data.teacher.lengths).all()
