from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finkd.data.encoding import IGNORED
from finkd.data.sampler import on_grid, plan
from finkd.losses.term import Requirement
from finkd.tokenization.tokens import members
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


def test_few_shapes_occur():
    lengths = np.random.default_rng(0).integers(4, 256, 20_000)
    sizes: dict[int, set[int]] = {}
    for rows in plan(lengths, 1024, 0, 0):
        sizes.setdefault(on_grid(int(lengths[rows].max())), set()).add(len(rows))
    assert len(sizes) <= 40
    # One number of examples for each length, but for what is left at the end of a pool.
    assert sum(len(counts) > 1 for counts in sizes.values()) < len(sizes) / 4


@given(st.integers(1, 1000))
def test_the_grid_adds_little(length):
    assert length <= on_grid(length) < length + (4 if length <= 64 else 8)
    assert on_grid(length) % (4 if length <= 64 else 8) == 0


def test_padding_stays_within_the_room_of_the_models():
    model = tiny_model()
    data = ner_data(SENTENCES, model)
    longest = int(data.lengths.max())
    assert on_grid(longest) > longest
    assert replace(data, limit=longest).batch(np.arange(len(SENTENCES))).student.ids.shape[1] == longest
    assert data.batch(np.arange(len(SENTENCES))).student.ids.shape[1] == on_grid(longest)


def test_a_batch_looks_its_words_up_in_the_padded_sequence():
    data = ner_data(SENTENCES, tiny_model())
    rows = np.array([3, 0, 4])
    batch = data.batch(rows)
    ids = batch.student.ids.flatten()
    assert (
        ids[batch.student.first_token_positions].tolist()
        == data.student.tokens.ids[data.student.first[batch.word_ids]].tolist()
    )
    assert ids[batch.student.tokens].tolist() == data.student.tokens.take(rows).ids.tolist()
    assert batch.student.mask.sum() == len(batch.student.tokens)
    assert (batch.student.ids[~batch.student.mask] == data.student.pad).all()
    assert batch.word_ids.tolist() == members(data.student.word_rows, rows)[0].tolist()
    assert batch.labels.tolist() == data.labels[batch.word_ids].tolist()
    assert IGNORED not in batch.labels


def test_words_that_no_loss_may_look_at_stay_out():
    data = ner_data(SENTENCES, tiny_model())
    data.usable[[0, 5]] = False
    batch = data.batch(np.arange(len(SENTENCES)))
    assert len(batch.word_ids) == len(data.labels) - 2
    assert not {0, 5} & set(batch.word_ids.tolist())


def test_both_sides_of_a_batch_hold_the_same_examples():
    student, teacher = tiny_model(wordpiece_uncased()), tiny_model(roberta())
    data = ner_data(SENTENCES, student, teacher)
    batch = data.batch(np.array([1, 2]), requirements=Requirement.HIDDEN_STATES)
    assert batch.teacher.ids.shape[0] == batch.student.ids.shape[0] == 2
    assert len(batch.alignment.to_student.covered) == len(batch.student.tokens)
    assert int(batch.alignment.to_student.indices.max()) < len(batch.teacher.tokens)
    assert (data.lengths >= data.student.lengths).all()
    assert (data.lengths >= data.teacher.lengths).all()


PAIRS = [(wordpiece_uncased, roberta), (roberta, wordpiece_uncased), (wordpiece_uncased, wordpiece_uncased)]


@pytest.mark.parametrize(("student", "teacher"), PAIRS)
@pytest.mark.parametrize("seed", range(5))
def test_both_sides_hide_the_same_characters(student, teacher, seed):
    student, teacher = student(), teacher()
    data = ner_data(SENTENCES, tiny_model(student), tiny_model(teacher))
    data = replace(data, masking=0.4)
    rows = np.array([1, 3, 0])
    batch = data.batch(rows, Requirement.MLM_LOGITS, (seed,))
    hidden = []
    for encoded, side, masked in (
        (data.student, batch.student, batch.alignment.masked.student),
        (data.teacher, batch.teacher, batch.alignment.masked.teacher),
    ):
        tokens = encoded.tokens.take(rows)
        at = masked.at.numpy()
        row = np.searchsorted(tokens.rows, at, side="right") - 1
        assert masked.row.tolist() == row.tolist()
        assert masked.ids.tolist() == tokens.ids[at].tolist()
        seen = side.token_ids.numpy()
        assert (seen[at] == encoded.mask).all()
        others = np.setdiff1d(np.arange(len(seen)), at)
        assert (seen[others] == tokens.ids[others]).all()
        spans = zip(row.tolist(), tokens.starts[at].tolist(), tokens.ends[at].tolist(), strict=True)
        texts = [SENTENCES[index].text for index in rows]
        hidden.append({(r, c) for r, start, end in spans for c in range(start, end) if not texts[r][c].isspace()})
    assert hidden[0] == hidden[1]
    # whole words: a hidden character has its whole word hidden
    for row, index in enumerate(rows):
        for start, end in SENTENCES[index].spans:
            assert len({(row, c) in hidden[0] for c in range(start, end)}) == 1


def test_what_is_hidden_depends_on_the_seed_alone():
    data = ner_data(SENTENCES, tiny_model(), tiny_model(roberta()))
    rows = np.arange(len(SENTENCES))

    def ids(*seed):
        return data.batch(rows, Requirement.MLM_LOGITS, seed).student.ids.tolist()

    assert ids(1, 2) == ids(1, 2)
    assert len({str(ids(1, step)) for step in range(6)}) > 1


def test_chunks_are_laid_out_by_example():
    data = ner_data(SENTENCES, tiny_model(), tiny_model(roberta()))
    chunks = data.batch(np.array([2, 0]), Requirement.ATTENTION).alignment.chunks
    assert chunks.mask.sum() == len(chunks.row)
    assert chunks.mask[:, 0].all()
    numbered = chunks.lay_out(torch.arange(1.0, len(chunks.row) + 1).unsqueeze(1)).squeeze(2)
    assert numbered[chunks.mask].tolist() == list(range(1, len(chunks.row) + 1))
    assert (numbered[~chunks.mask] == 0).all()


def test_under_one_tokenizer_every_token_is_a_chunk_of_its_own():
    data = ner_data(SENTENCES, tiny_model(), tiny_model())
    batch = data.batch(np.array([1, 0]), (Requirement.ATTENTION | Requirement.HIDDEN_STATES))
    places = torch.arange(len(batch.student.tokens))
    for pool in (batch.alignment.to_student, batch.alignment.chunks.student, batch.alignment.chunks.teacher):
        assert torch.equal(pool.indices, places)
        assert torch.equal(pool.offsets, places)
        assert (pool.weights == 1).all()


def test_text_can_be_hidden_without_a_teacher():
    data = replace(ner_data(SENTENCES, tiny_model()), masking=0.5)
    batch = data.batch(np.arange(len(SENTENCES)), Requirement.MLM_LOGITS, (0,))
    assert batch.teacher is None
    masked = batch.alignment.masked.student
    assert len(masked.ids)
    assert (batch.student.token_ids[masked.at] == data.student.mask).all()
