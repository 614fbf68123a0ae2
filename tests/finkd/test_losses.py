"""Values worked by hand."""

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from finkd.corpora.errors import ConfigError
from finkd.corpora.tags import label_names
from finkd.inference.grammar import transitions
from finkd.losses.aligned_hidden_states import AlignedHiddenStates
from finkd.losses.alignment import BatchAlignment, Chunks, MaskedText, MaskedTokens, Pool
from finkd.losses.cross_entropy import CrossEntropy
from finkd.losses.cross_vocabulary import ULD, MinED, ULDHybrid
from finkd.losses.embedding import Embedding
from finkd.losses.layers import layer_pairs
from finkd.losses.masked_lm import MaskedLM
from finkd.losses.masked_lm_distillation import ALM, MaskedMarginal, MaskedProjection
from finkd.losses.relations import ChunkAttention, ChunkRelations
from finkd.losses.sequence_kl import SequenceKL
from finkd.losses.term import ModelOutputs, Sequences, StepOutputs
from finkd.losses.word_logits_kl import WordLogitsKL

LN2, LN3 = math.log(2), math.log(3)


def leaf(values):
    return torch.tensor(values, requires_grad=True)


def gold(logits, labels):
    return StepOutputs(ModelOutputs(word_logits=leaf(logits)), labels=torch.tensor(labels))


def taught(student, teacher):
    return StepOutputs(
        ModelOutputs(word_logits=torch.as_tensor(student)), ModelOutputs(word_logits=torch.as_tensor(teacher))
    )


def identity(count, covered=None):
    places = torch.arange(count)
    mask = torch.ones(count, dtype=torch.bool) if covered is None else torch.tensor(covered)
    return Pool(places, places, mask.float(), mask)


def states(student, teacher, covered):
    return StepOutputs(
        ModelOutputs(hidden_states=tuple(map(leaf, student))),
        ModelOutputs(hidden_states=tuple(map(torch.tensor, teacher))),
        alignment=BatchAlignment(identity(len(covered), covered)),
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
        assert with_unlabelled.student.word_logits.grad[1].tolist() == [0.0, 0.0]


class TestWordKL:
    def test_by_hand(self):
        # p = (3/4, 1/4), q = (1/2, 1/2)
        value = WordLogitsKL(temperature=1.0)(taught([[0.0, 0.0]], [[LN3, 0.0]]))
        assert value.item() == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))

    def test_temperature_by_hand(self):
        # logits twice as far apart give the same p at temperature 2; the term carries the factor 4
        value = WordLogitsKL(temperature=2.0)(taught([[0.0, 0.0]], [[2 * LN3, 0.0]]))
        assert value.item() == pytest.approx(4 * (0.75 * math.log(1.5) + 0.25 * math.log(0.5)))

    def test_it_is_teacher_to_student_and_not_the_reverse(self):
        value = WordLogitsKL(temperature=1.0)(taught([[LN3, 0.0]], [[0.0, 0.0]]))
        assert value.item() == pytest.approx(0.5 * math.log(2 / 3) + 0.5 * math.log(2))

    @given(st.integers(1, 5), st.integers(2, 9), st.floats(0.5, 8), st.integers(0, 99))
    def test_a_student_like_its_teacher_costs_nothing(self, words, labels, temperature, seed):
        logits = torch.randn(words, labels, generator=torch.Generator().manual_seed(seed))
        # only differences between labels matter, so a shift of a whole row changes nothing
        value = WordLogitsKL(temperature=temperature)(taught(logits + 3.0, logits))
        assert value.item() == pytest.approx(0, abs=1e-4)

    def test_the_softmax_runs_over_labels_not_words(self):
        one = WordLogitsKL(temperature=1.0)(taught([[0.0, 0.0]], [[LN3, 0.0]]))
        two = WordLogitsKL(temperature=1.0)(taught([[0.0, 0.0]] * 2, [[LN3, 0.0]] * 2))
        assert two.item() == pytest.approx(one.item())

    def test_gradients_keep_their_size_when_the_temperature_changes(self):
        norms = []
        for temperature in (20.0, 200.0):
            student = torch.tensor([[1.0, -1.0, 0.0]], requires_grad=True)
            WordLogitsKL(temperature=temperature)(taught(student, [[-1.0, 1.0, 0.0]])).backward()
            norms.append(student.grad.norm().item())
        # (z_S - z_T) / labels in the limit: Hinton et al., equation 4, times tau^2
        assert norms[1] == pytest.approx(math.sqrt(8) / 3, rel=1e-2)
        assert norms[0] == pytest.approx(norms[1], rel=2e-2)


class TestSequenceKL:
    """Three labels, of which the last may follow the second and itself alone."""

    LABELS = ("O", "B-ORG", "I-ORG")

    def value(self, student, teacher, numbers, goes_on=False, labels=LABELS, **settings):
        legal = map(torch.from_numpy, transitions(labels))
        sequences = Sequences(torch.tensor(numbers), torch.tensor([goes_on] + [False] * (len(numbers) - 1)), *legal)
        outputs = replace(taught(leaf(student), teacher), sequences=sequences)
        value = SequenceKL(**settings)(outputs)
        value.backward()
        return value.item(), outputs.student.word_logits.grad

    def test_by_hand(self):
        # Of two words there are five legal sequences. For the teacher, O is twice as likely as B-ORG at the first one.
        value, _ = self.value([[0.0] * 3] * 2, [[LN2, 0.0, 0.0], [0.0] * 3], [0, 0])
        # Teacher: 2, 2 of O and 1, 1, 1 of B-ORG, over 7; student: 1 over 5.
        expected = (4 / 7 * math.log(2 / 7 * 5) + 3 / 7 * math.log(1 / 7 * 5)) / 2
        assert value == pytest.approx(expected, rel=1e-4)

    def test_a_label_that_cannot_be_teaches_nothing(self):
        value, slopes = self.value([[0.0, 0.0, 5.0]], [[0.0, 0.0, -3.0]], [0])
        assert value == pytest.approx(0, abs=1e-6)
        assert slopes.abs().max() < 1e-6

    def test_the_rest_of_a_sentence_may_begin_with_any_label(self):
        value, slopes = self.value([[0.0, 0.0, 0.0]], [[0.0, 0.0, 9.0]], [0], goes_on=True)
        assert value == pytest.approx(LN3, abs=0.01)
        assert slopes[0, 2] < -0.6

    def test_sentences_are_apart(self):
        torch.manual_seed(0)
        student, teacher = torch.randn(5, 3).tolist(), torch.randn(5, 3).tolist()
        both, _ = self.value(student, teacher, [7, 7, 2, 2, 2])
        first, _ = self.value(student[:2], teacher[:2], [0, 0])
        second, _ = self.value(student[2:], teacher[2:], [0, 0, 0])
        assert both == pytest.approx((2 * first + 3 * second) / 5, rel=1e-5)

    @pytest.mark.parametrize("temperature", [1, 2])
    @pytest.mark.parametrize("labels", [LABELS, ("O", "B-ORG", "I-ORG", "I-PER", "B-MISC")])
    def test_it_is_the_sum_over_all_sequences(self, labels, temperature):
        torch.manual_seed(1)
        student, teacher = torch.randn(4, len(labels)), torch.randn(4, len(labels))
        legal = [
            path
            for path in itertools.product(range(len(labels)), repeat=4)
            if all(
                not labels[label].startswith("I-") or labels[before][2:] == labels[label][2:]
                for before, label in zip((0, *path), path, strict=False)
            )
        ]
        sums = [
            torch.tensor([sum(side[word, label].item() for word, label in enumerate(path)) for path in legal])
            for side in (student, teacher)
        ]
        ours, theirs = (torch.log_softmax(each / temperature, dim=0) for each in sums)
        expected = temperature**2 * (theirs.exp() * (theirs - ours)).sum().item() / 4
        given = student.tolist(), teacher.tolist(), [0] * 4
        value, _ = self.value(*given, labels=labels, temperature=temperature)
        assert value == pytest.approx(expected, rel=1e-4)

    def test_memory_grows_with_labels_and_not_with_their_square(self):
        labels = label_names([f"T{number}" for number in range(50)])
        scores, sizes = torch.zeros(4, len(labels)).tolist(), []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: sizes.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            self.value(scores, scores, [0] * 4, labels=labels)
        assert max(sizes) <= 4 * len(labels)


class TestSpanHidden:
    def test_by_hand(self):
        # differences (0, -1) and (0, 2): 5; the teacher's states (1, 1) and (0, 0): 2
        value = AlignedHiddenStates(layers=((0, 0),))(
            states([[[1.0, 0.0], [0.0, 2.0]]], [[[1.0, 1.0], [0.0, 0.0]]], [True, True])
        )
        assert value.item() == pytest.approx(2.5)

    def test_teacher_states_are_averaged_by_shared_characters(self):
        """Teacher ``abc|d``, student ``ab|cd``: the second student token is half of each."""
        pool = Pool(
            torch.tensor([0, 0, 1]), torch.tensor([0, 1]), torch.tensor([1, 0.5, 0.5]), torch.tensor([True, True])
        )
        value = AlignedHiddenStates(layers=((0, 0),), measure="mse")(
            StepOutputs(
                ModelOutputs(hidden_states=(leaf([[1.0], [1.0]]),)),
                ModelOutputs(hidden_states=(torch.tensor([[1.0], [4.0]]),)),
                alignment=BatchAlignment(pool),
            )
        )
        assert value.item() == pytest.approx((0 + 1.5**2) / 2)

    @pytest.mark.parametrize("measure", ["relative", "mse", "cosine"])
    def test_uncovered_tokens_have_no_effect(self, measure):
        outputs = states([[[1.0, 0.0], [9.0, 7.0]]], [[[1.0, 1.0], [5.0, 5.0]]], [True, False])
        value = AlignedHiddenStates(layers=((0, 0),), measure=measure)(outputs)
        value.backward()
        assert value.item() == pytest.approx({"relative": 0.5, "mse": 0.5, "cosine": 1 - math.sqrt(0.5)}[measure])
        assert outputs.student.hidden_states[0].grad[1].tolist() == [0.0, 0.0]

    def test_layers_count_alike_whatever_their_scale(self):
        student, teacher = [[1.0, 0.0]], [[1.0, 1.0]]
        large = [[100.0, 0.0]], [[100.0, 100.0]]
        value = AlignedHiddenStates()(states([student, large[0]], [teacher, large[1]], [True]))
        assert value.item() == pytest.approx(0.5)

    def test_named_layers_are_the_ones_compared(self):
        outputs = states([[[0.0]], [[3.0]]], [[[9.0]], [[3.0]], [[7.0]]], [True])
        assert AlignedHiddenStates(layers=((1, 1),))(outputs).item() == 0.0
        assert AlignedHiddenStates(layers=((1, 2),))(outputs).item() == pytest.approx(16 / 49)

    def test_a_map_bridges_different_widths(self):
        outputs = states([[[1.0]]], [[[2.0, 0.0]]], [True])
        mapped = StepOutputs(
            outputs.student,
            outputs.teacher,
            alignment=outputs.alignment,
            project=lambda x: functional.pad(3 * x, (0, 1)),
        )
        assert AlignedHiddenStates(layers=((0, 0),))(mapped).item() == pytest.approx(1 / 4)

    @pytest.mark.parametrize(
        ("student", "teacher", "pairs"),
        [
            (3, 6, ((0, 0), (1, 2), (2, 4), (3, 6))),
            (2, 12, ((0, 0), (1, 6), (2, 12))),
            (2, 2, ((0, 0), (1, 1), (2, 2))),
            (1, 6, ((0, 0), (1, 6))),
            (4, 6, ((0, 0), (1, 2), (2, 3), (3, 5), (4, 6))),
        ],
    )
    def test_layers_map_evenly(self, student, teacher, pairs):
        assert layer_pairs("even", student, teacher, "") == pairs
        assert layer_pairs("even", student, teacher, "", first=1) == pairs[1:]

    def test_a_deeper_student_has_no_layer_that_learns_from_embeddings_without_attention(self):
        assert layer_pairs("even", 5, 2, "", first=1) == ((1, 1), (2, 1), (3, 1), (4, 2), (5, 2))

    def test_the_last_layers_may_be_mapped_alone(self):
        assert layer_pairs("last", 3, 6, "") == ((3, 6),)

    @pytest.mark.parametrize("pair", [(0, 1), (4, 1), (1, 7)])
    def test_layers_that_are_not_there_are_refused(self, pair):
        with pytest.raises(ConfigError, match=r"losses\.x\.layers: expected pairs within \(1\.\.3, 1\.\.6\) \(got "):
            layer_pairs((pair,), 3, 6, "x.layers", first=1)


def one_row(student, teacher, *, heads=1, student_pool=None, teacher_pool=None, count=2, longest=None):
    """Queries, keys and values alike, of one layer and one example."""
    three = [leaf([side] * 3) for side in (student, teacher)]
    chunks = Chunks(
        student_pool or identity(count),
        teacher_pool or identity(count),
        torch.zeros(count, dtype=torch.long),
        torch.arange(count),
        (1, longest or count),
    )
    sides = (ModelOutputs(attention=(each,), attention_heads=heads) for each in three)
    return StepOutputs(*sides, alignment=BatchAlignment(identity(count), chunks))


class TestChunkRelations:
    # scores of the first chunk: student (0, 0), teacher (ln 3, 0); of the second: (0, 0) on both sides
    STUDENT, TEACHER = [[0.0], [0.0]], [[math.sqrt(LN3)], [0.0]]
    FIRST = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)

    def test_by_hand(self):
        assert ChunkRelations()(one_row(self.STUDENT, self.TEACHER)).item() == pytest.approx(self.FIRST / 2)

    def test_each_relation_is_of_its_own_part(self):
        outputs = one_row(self.STUDENT, self.TEACHER)
        alike = leaf(self.STUDENT)
        theirs = outputs.teacher.attention[0]
        only_values = replace(outputs, teacher=ModelOutputs(attention=((alike, alike, theirs[2]),), attention_heads=1))
        assert ChunkRelations(relations=("qq", "kk"))(only_values).item() == pytest.approx(0, abs=1e-7)
        assert ChunkRelations(relations=("vv",))(only_values).item() == pytest.approx(self.FIRST / 2)
        assert ChunkRelations()(only_values).item() == pytest.approx(self.FIRST / 2 / 3)

    def test_heads_are_averaged(self):
        twice = ([row * 2 for row in side] for side in (self.STUDENT, self.TEACHER))
        assert ChunkRelations()(one_row(*twice, heads=2)).item() == pytest.approx(self.FIRST / 2)

    def test_places_without_a_chunk_have_no_effect(self):
        outputs = one_row(self.STUDENT, self.TEACHER, longest=5)
        assert ChunkRelations()(outputs).item() == pytest.approx(self.FIRST / 2)

    def test_tokens_are_averaged_into_chunks(self):
        # the teacher's first chunk is two tokens, whose mean is the same as before
        tokens = [[2 * math.sqrt(LN3)], [0.0], [0.0]]
        pool = Pool(
            torch.arange(3), torch.tensor([0, 2]), torch.tensor([0.5, 0.5, 1.0]), torch.ones(2, dtype=torch.bool)
        )
        outputs = one_row(self.STUDENT, tokens, teacher_pool=pool)
        assert ChunkRelations()(outputs).item() == pytest.approx(self.FIRST / 2)

    def test_widths_and_heads_may_differ(self):
        wide = [[math.sqrt(LN3 * math.sqrt(2)), 0.0], [0.0, 0.0]]
        outputs = one_row(self.STUDENT, wide)
        assert ChunkRelations(heads=1)(outputs).item() == pytest.approx(self.FIRST / 2)

    def test_a_width_that_heads_do_not_divide_is_refused(self):
        with pytest.raises(ConfigError, match="4 heads do not divide the width 1"):
            ChunkRelations(heads=4)(one_row(self.STUDENT, self.TEACHER))

    def test_layers_that_differ_in_their_heads_need_a_number(self):
        outputs = one_row(self.STUDENT, self.TEACHER, heads=0)
        with pytest.raises(ConfigError, match="layers differ in their heads; name a number"):
            ChunkRelations()(outputs)
        assert ChunkRelations(heads=1)(outputs).item() == pytest.approx(self.FIRST / 2)

    def test_a_layer_that_is_not_there_is_refused(self):
        with pytest.raises(ConfigError, match=r"chunk-relations\.layers: expected pairs within .* \(got \[1, 3\]"):
            ChunkRelations(layers=((1, 3),))(one_row(self.STUDENT, self.TEACHER))


class TestChunkAttention:
    def test_by_hand(self):
        # scores: student all 0; teacher 4, 2, 2, 1
        value = ChunkAttention()(one_row([[0.0], [0.0]], [[2.0], [1.0]]))
        assert value.item() == pytest.approx((16 + 4 + 4 + 1) / 4)

    def test_places_without_a_chunk_have_no_effect(self):
        value = ChunkAttention()(one_row([[0.0], [0.0]], [[2.0], [1.0]], longest=7))
        assert value.item() == pytest.approx(25 / 4)

    def test_layers_are_averaged(self):
        student, teacher = one_row([[0.0], [0.0]], [[2.0], [1.0]]), one_row([[1.0], [1.0]], [[1.0], [1.0]])
        ours = ModelOutputs(attention=(*student.student.attention, *teacher.student.attention))
        theirs = ModelOutputs(attention=(*student.teacher.attention, *teacher.teacher.attention))
        outputs = StepOutputs(ours, theirs, alignment=student.alignment)
        assert ChunkAttention()(outputs).item() == pytest.approx(25 / 4 / 2)
        assert ChunkAttention(layers="last")(outputs).item() == 0.0

    def test_layers_that_differ_in_their_heads_are_refused(self):
        with pytest.raises(ConfigError, match="as many heads"):
            ChunkAttention()(one_row([[0.0], [0.0]], [[2.0], [1.0]], heads=0))

    def test_different_numbers_of_heads_are_refused(self):
        outputs = one_row([[0.0], [0.0]], [[2.0], [1.0]])
        other = ModelOutputs(attention=outputs.teacher.attention, attention_heads=2)
        with pytest.raises(ConfigError, match="as many heads"):
            ChunkAttention()(StepOutputs(outputs.student, other, alignment=outputs.alignment))


class TestEmbedding:
    def test_by_hand(self):
        outputs = StepOutputs(
            ModelOutputs(embeddings=leaf([[1.0, 1.0]])), ModelOutputs(embeddings=torch.tensor([[0.0, 2.0]]))
        )
        assert Embedding()(outputs).item() == pytest.approx(2 / 4)


def tokens(*rows):
    """``(id, chunk)`` pairs, all of one example."""
    ids, chunk = (torch.tensor([row[part] for row in rows], dtype=torch.long) for part in (0, 1))
    return MaskedTokens(torch.arange(len(rows)), ids, chunk, torch.zeros(len(rows), dtype=torch.long))


def hidden(student, teacher, scores, guesses, vocabularies=None):
    """MaskedText tokens of both sides, and log-probabilities of both heads there."""
    chunks = int(student.chunk.max()) + 1
    aligned = BatchAlignment(identity(len(student.at)), masked=MaskedText(student, teacher, chunks))
    student_side = ModelOutputs(mlm_logits=torch.tensor(scores).log().requires_grad_())
    return StepOutputs(
        student_side, ModelOutputs(mlm_logits=torch.tensor(guesses).log()), alignment=aligned, vocabularies=vocabularies
    )


class TestMaskedLM:
    def test_by_hand(self):
        outputs = hidden(tokens((0, 0), (2, 1)), tokens((0, 0), (0, 1)), [[0.5, 0.25, 0.25]] * 2, [[1.0]] * 2)
        assert MaskedLM()(outputs).item() == pytest.approx((LN2 + math.log(4)) / 2)


# Teacher entries: 0 = "a", 1 = "ab", 2 = "b"; student entries: 0 = "a", 1 = "##b", 2 = "b"
SPELLING = torch.tensor([[0, -1], [0, 1], [2, -1]])
TABLES = SimpleNamespace(
    spelling=SPELLING,
    project=lambda guesses: guesses @ torch.tensor([[1.0, 0.0, 0.0], [10 / 11, 1 / 11, 0.0], [0.0, 0.0, 1.0]]),
    equal=torch.tensor([0, -1, 2]),
    nearest=torch.tensor([0, 0, 2]),
    are_equal=False,
    student=range(3),
)


class TestMaskedProjection:
    def test_by_hand(self):
        outputs = hidden(tokens((0, 0)), tokens((0, 0)), [[0.5, 0.25, 0.25]], [[0.5, 0.22, 0.28]], TABLES)
        target = (0.5 + 0.2, 0.02, 0.28)
        expected = sum(q * math.log(q / p) for q, p in zip(target, (0.5, 0.25, 0.25), strict=True))
        assert MaskedProjection(temperature=1.0)(outputs).item() == pytest.approx(expected, rel=1e-5)

    def test_only_the_likeliest_tokens_are_projected_and_renormalised(self):
        outputs = hidden(tokens((0, 0)), tokens((0, 0)), [[0.5, 0.25, 0.25]], [[0.5, 0.2, 0.3]], TABLES)
        target = (0.5 / 0.8, 0.3 / 0.8)
        expected = sum(q * math.log(q / p) for q, p in zip(target, (0.5, 0.25), strict=True))
        assert MaskedProjection(temperature=1.0, top_k=2)(outputs).item() == pytest.approx(expected, rel=1e-5)

    def test_chunks_of_several_tokens_have_no_effect(self):
        outputs = hidden(
            tokens((0, 0), (0, 1), (1, 1)),
            tokens((0, 0), (1, 1)),
            [[0.5, 0.25, 0.25], [0.9, 0.05, 0.05], [0.1, 0.8, 0.1]],
            [[0.5, 0.22, 0.28], [0.1, 0.1, 0.8]],
            TABLES,
        )
        alone = hidden(tokens((0, 0)), tokens((0, 0)), [[0.5, 0.25, 0.25]], [[0.5, 0.22, 0.28]], TABLES)
        value = MaskedProjection()(outputs)
        value.backward()
        assert value.item() == pytest.approx(MaskedProjection()(alone).item())

    @given(st.integers(1, 4), st.integers(2, 9), st.floats(0.5, 4), st.integers(0, 99))
    def test_under_one_vocabulary_it_is_plain_distillation_at_masked_positions(self, count, size, temperature, seed):
        random = torch.Generator().manual_seed(seed)
        ours, theirs = (torch.randn(count, size, generator=random) for _ in range(2))
        rows = tokens(*((0, chunk) for chunk in range(count)))
        same = SimpleNamespace(project=lambda guesses: guesses)
        outputs = StepOutputs(
            ModelOutputs(mlm_logits=ours),
            ModelOutputs(mlm_logits=theirs),
            alignment=BatchAlignment(identity(count), masked=MaskedText(rows, rows, count)),
            vocabularies=same,
        )
        p, q = (functional.log_softmax(side / temperature, dim=-1) for side in (ours, theirs))
        plain = temperature**2 * functional.kl_div(p, q, reduction="batchmean", log_target=True)
        assert MaskedProjection(temperature=temperature)(outputs).item() == pytest.approx(
            plain.item(), rel=1e-5, abs=1e-5
        )


class TestMaskedMarginal:
    # the text is "ab": one teacher token (1), two student tokens (0, 1)
    SCORES = ((0.5, 0.25, 0.25), (0.1, 0.8, 0.1))

    def test_by_hand(self):
        outputs = hidden(tokens((0, 0), (1, 0)), tokens((1, 0)), self.SCORES, [[0.5, 0.2, 0.3]], TABLES)
        # first place: "a" and "ab" both begin with entry 0; second place: only "ab" goes on, with entry 1
        first = 0.7 * math.log(0.7 / 0.5) + 0.3 * math.log(0.3 / 0.25)
        second = math.log(1 / 0.8)
        expected = (1.0 * first + 0.2 * second) / 1.2
        assert MaskedMarginal(temperature=1.0)(outputs).item() == pytest.approx(expected, rel=1e-5)

    def test_the_temperature_divides_logits_and_its_square_makes_up_for_it(self):
        outputs = hidden(tokens((0, 0), (1, 0)), tokens((1, 0)), self.SCORES, [[0.5, 0.2, 0.3]], TABLES)
        doubled = (ModelOutputs(mlm_logits=2 * each.mlm_logits) for each in (outputs.student, outputs.teacher))
        at_two = MaskedMarginal(temperature=2.0)(
            replace(outputs, **dict(zip(("student", "teacher"), doubled, strict=True)))
        )
        assert at_two.item() == pytest.approx(4 * MaskedMarginal(temperature=1.0)(outputs).item(), rel=1e-5)

    def test_entries_that_are_spelled_otherwise_do_not_go_on(self):
        # the text begins with student token 2, as no longer entry of the teacher does
        outputs = hidden(tokens((2, 0), (1, 0)), tokens((1, 0)), self.SCORES, [[0.5, 0.2, 0.3]], TABLES)
        first = 0.7 * math.log(0.7 / 0.5) + 0.3 * math.log(0.3 / 0.25)
        assert MaskedMarginal(temperature=1.0)(outputs).item() == pytest.approx(first, rel=1e-5)

    def test_chunks_of_several_teacher_tokens_have_no_effect(self):
        outputs = hidden(tokens((0, 0)), tokens((0, 0), (2, 0)), self.SCORES[:1], [[0.5, 0.2, 0.3]] * 2, TABLES)
        value = MaskedMarginal()(outputs)
        value.backward()
        assert value.item() == 0.0
        assert outputs.student.mlm_logits.is_leaf is False or torch.isfinite(outputs.student.mlm_logits.grad).all()


class TestMaskedLikelihood:
    def test_by_hand(self):
        # teacher: 0.5 for one token; student: 0.5 * 0.5 for two
        outputs = hidden(tokens((0, 0), (1, 0)), tokens((0, 0)), [[0.5, 0.5]] * 2, [[0.5, 0.5]])
        expected = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
        assert ALM()(outputs).item() == pytest.approx(expected, abs=1e-3)

    def test_the_temperature_is_the_root_of_chances(self):
        # teacher: .25 for one token, whose root is .5; student: .25 * .25 for two, whose root is .25
        outputs = hidden(tokens((0, 0), (1, 0)), tokens((0, 0)), [[0.25, 0.75], [0.75, 0.25]], [[0.25, 0.75]])
        expected = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
        assert ALM(temperature=2.0)(outputs).item() == pytest.approx(expected, abs=1e-3)

    def test_equal_chances_of_a_chunk_cost_nothing(self):
        outputs = hidden(tokens((0, 0), (1, 0)), tokens((0, 0)), [[0.5, 0.5]] * 2, [[0.25, 0.75]])
        assert ALM()(outputs).item() == pytest.approx(0, abs=1e-6)

    def test_certainty_is_finite(self):
        outputs = hidden(tokens((0, 0)), tokens((0, 0)), [[1.0, 0.0]], [[1.0, 0.0]])
        assert ALM()(outputs).item() == pytest.approx(0, abs=1e-6)


class TestBaselines:
    def test_universal_logits_by_hand(self):
        # sorted: (.5, .3, .2) and (.6, .4, 0)
        outputs = hidden(tokens((0, 0)), tokens((0, 0)), [[0.3, 0.5, 0.2]], [[0.4, 0.6]])
        assert ULD()(outputs).item() == pytest.approx(0.1 + 0.1 + 0.2)
        assert ULD(largest=1)(outputs).item() == pytest.approx(0.1)

    def test_universal_logits_pairs_by_index_and_drops_the_rest(self):
        outputs = hidden(tokens((0, 0), (1, 0)), tokens((0, 0)), [[0.5, 0.5], [0.9, 0.1]], [[0.7, 0.3]])
        assert ULD()(outputs).item() == pytest.approx(0.4)

    def test_edit_distance_by_hand(self):
        # chunk 0 is one token on both sides: mapped (.7, 0, .3); chunk 1 is not: its tokens are one-hot
        outputs = hidden(
            tokens((0, 0), (0, 1), (1, 1)),
            tokens((0, 0), (1, 1)),
            [[0.5, 0.25, 0.25]] * 3,
            [[0.5, 0.2, 0.3]] * 2,
            TABLES,
        )
        single = 0.7 * math.log(0.7 / 0.5) + 0.3 * math.log(0.3 / 0.25)
        assert MinED()(outputs).item() == pytest.approx((single + LN2 + math.log(4)) / 3, rel=1e-5)

    def test_hybrid_by_hand(self):
        # student chunk: first token's distribution times 0.8 for the second token
        outputs = hidden(
            tokens((0, 0), (1, 0)),
            tokens((1, 0)),
            [[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]],
            [[0.5, 0.2, 0.3]],
            TABLES,
        )
        ours, theirs = (0.4, 0.2), (0.5, 0.3)
        matched = sum(
            0.5 * (p * math.log(p / ((p + q) / 2)) + q * math.log(q / ((p + q) / 2)))
            for p, q in zip(ours, theirs, strict=True)
        )
        assert ULDHybrid()(outputs).item() == pytest.approx(matched + abs(0.2 - 0.2), rel=1e-5)
        assert ULDHybrid(unmatched=0.0)(outputs).item() == pytest.approx(matched, rel=1e-5)


def test_ranks_within_chunks():
    masked = tokens((5, 0), (6, 0), (7, 1), (8, 2), (9, 2))
    assert masked.rank.tolist() == [0, 1, 0, 0, 1]
    assert np.diff(masked.chunk.numpy()).min() >= 0
