"""Values worked by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finkd.batches import TaggingData
from finkd.examples import Encoded
from finkd.losses.cross_entropy import CrossEntropy
from finkd.losses.span_hidden import SpanHidden, even_layers
from finkd.losses.term import Outputs
from finkd.losses.word_kl import WordKL
from tokenization.tokenizer import Pieces

LN3 = math.log(3)


def gold(logits, labels):
    return Outputs(torch.tensor(logits, requires_grad=True), torch.tensor(labels))


def taught(student, teacher):
    student = torch.as_tensor(student)
    return Outputs(student, torch.full((len(student),), -100), torch.as_tensor(teacher))


def states(student, teacher, covered):
    to = torch.tensor
    return Outputs(
        torch.zeros(0, 2),
        torch.zeros(0, dtype=torch.long),
        student_hidden=tuple(to(s, requires_grad=True) for s in student),
        teacher_hidden=tuple(to(t) for t in teacher),
        covered=to(covered),
    )


class TestCrossEntropy:
    def test_by_hand(self):
        # -ln(1/2) and -ln(3/4), averaged over the two words
        value = CrossEntropy()(gold([[0.0, 0.0], [LN3, 0.0]], [1, 0]))
        assert value.item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)

    def test_smoothing_by_hand(self):
        # the target is (0.9, 0.1): -(0.9 ln 3/4 + 0.1 ln 1/4)
        value = CrossEntropy(smoothing=0.2)(gold([[LN3, 0.0]], [0]))
        assert value.item() == pytest.approx(-(0.9 * math.log(0.75) + 0.1 * math.log(0.25)))

    def test_the_softmax_runs_over_labels_not_words(self):
        # square, so that the wrong axis would go unnoticed
        value = CrossEntropy()(gold([[LN3, 0.0], [LN3, 0.0]], [0, 0]))
        assert value.item() == pytest.approx(math.log(4 / 3))

    def test_unlabelled_words_have_no_effect(self):
        with_unlabelled = gold([[LN3, 0.0], [9.0, -9.0]], [0, -100])
        value = CrossEntropy()(with_unlabelled)
        value.backward()
        assert value.item() == pytest.approx(math.log(4 / 3))
        assert with_unlabelled.student_logits.grad[1].tolist() == [0.0, 0.0]


class TestWordKL:
    def test_by_hand(self):
        # p = (3/4, 1/4), q = (1/2, 1/2)
        value = WordKL(temperature=1.0)(taught([[0.0, 0.0]], [[LN3, 0.0]]))
        assert value.item() == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))

    def test_temperature_by_hand(self):
        # logits twice as far apart give the same p at temperature 2; the term carries the factor 4
        value = WordKL(temperature=2.0)(taught([[0.0, 0.0]], [[2 * LN3, 0.0]]))
        assert value.item() == pytest.approx(4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5)))

    def test_it_is_teacher_to_student_and_not_the_reverse(self):
        value = WordKL(temperature=1.0)(taught([[LN3, 0.0]], [[0.0, 0.0]]))
        assert value.item() == pytest.approx(0.5 * math.log(2 / 3) + 0.5 * math.log(2))

    @given(st.integers(1, 5), st.integers(2, 9), st.floats(0.5, 8), st.integers(0, 99))
    def test_a_student_like_its_teacher_costs_nothing(self, words, labels, temperature, seed):
        logits = torch.randn(words, labels, generator=torch.Generator().manual_seed(seed))
        # only differences between labels matter, so a shift of a whole row changes nothing
        value = WordKL(temperature=temperature)(taught(logits + 3.0, logits))
        assert value.item() == pytest.approx(0, abs=1e-4)

    def test_the_softmax_runs_over_labels_not_words(self):
        one = WordKL(temperature=1.0)(taught([[0.0, 0.0]], [[LN3, 0.0]]))
        two = WordKL(temperature=1.0)(taught([[0.0, 0.0]] * 2, [[LN3, 0.0]] * 2))
        assert two.item() == pytest.approx(one.item())

    def test_gradients_keep_their_size_when_the_temperature_changes(self):
        norms = []
        for temperature in (20.0, 200.0):
            student = torch.tensor([[1.0, -1.0, 0.0]], requires_grad=True)
            WordKL(temperature=temperature)(taught(student, [[-1.0, 1.0, 0.0]])).backward()
            norms.append(student.grad.norm().item())
        # (z_S - z_T) / labels in the limit: Hinton et al., equation 4, times tau^2
        assert norms[1] == pytest.approx(math.sqrt(8) / 3, rel=1e-2)
        assert norms[0] == pytest.approx(norms[1], rel=2e-2)


class TestSpanHidden:
    def test_by_hand(self):
        # differences (0, -1) and (0, 2): 5; the teacher's states (1, 1) and (0, 0): 2
        value = SpanHidden(layers=((0, 0),))(
            states([[[1.0, 0.0], [0.0, 2.0]]], [[[1.0, 1.0], [0.0, 0.0]]], [True, True])
        )
        assert value.item() == pytest.approx(2.5)

    def test_uncovered_pieces_have_no_effect(self):
        outputs = states([[[1.0, 0.0], [9.0, 9.0]]], [[[1.0, 1.0], [5.0, 5.0]]], [True, False])
        value = SpanHidden(layers=((0, 0),))(outputs)
        value.backward()
        assert value.item() == pytest.approx(0.5)
        assert outputs.student_hidden[0].grad[1].tolist() == [0.0, 0.0]

    def test_layers_count_alike_whatever_their_scale(self):
        student, teacher = [[1.0, 0.0]], [[1.0, 1.0]]
        large = [[100.0, 0.0]], [[100.0, 100.0]]
        value = SpanHidden()(states([student, large[0]], [teacher, large[1]], [True]))
        assert value.item() == pytest.approx(0.5)

    def test_named_layers_are_the_ones_compared(self):
        outputs = states([[[0.0]], [[3.0]]], [[[9.0]], [[3.0]], [[7.0]]], [True])
        assert SpanHidden(layers=((1, 1),))(outputs).item() == 0.0
        assert SpanHidden(layers=((1, 2),))(outputs).item() == pytest.approx(16 / 49)

    @pytest.mark.parametrize(
        ("student", "teacher", "pairs"),
        [
            (4, 7, ((0, 0), (1, 2), (2, 4), (3, 6))),
            (3, 13, ((0, 0), (1, 6), (2, 12))),
            (3, 3, ((0, 0), (1, 1), (2, 2))),
            (2, 7, ((0, 0), (1, 6))),
        ],
    )
    def test_layers_map_evenly(self, student, teacher, pairs):
        assert even_layers(student, teacher) == pairs


def row(*spans, length):
    starts, ends = np.array(spans, np.int32).T
    nothing = np.zeros(len(spans), np.bool_)
    borders = np.array([0, len(spans)])
    return Pieces(np.arange(len(spans), dtype=np.int32), starts, ends, borders, np.array([length]), nothing, nothing)


def test_teacher_states_are_averaged_by_hand_made_overlap():
    """Teacher ``abc|d``, student ``ab|cd|-``, where the last student piece stands on nothing the teacher saw."""
    teacher, student = row((0, 3), (3, 4), length=5), row((0, 2), (2, 4), (4, 5), length=5)
    no_words = np.zeros(0, np.int64), np.array([0, 0])
    data = TaggingData(
        Encoded(student, *no_words),
        0,
        np.zeros(0, np.int64),
        np.zeros(0, np.bool_),
        Encoded(teacher, *no_words),
    )
    pool = data.batch(np.array([0]), pooled=True).pool
    states = torch.tensor([[1.0, 0.0], [0.0, 4.0]])
    assert pool.average(states).tolist() == [[1.0, 0.0], [0.5, 2.0], [0.0, 0.0]]
    assert pool.covered.tolist() == [True, True, False]
