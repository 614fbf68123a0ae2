"""Masked-LM heads compared a few tokens at a time."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finkd.losses import blockwise
from finkd.losses.blockwise import SelectedLogits, cross_entropy, divergence, score_divergence
from finkd.losses.masked_lm_distillation import weighted_kl
from finkd.models.heads import FactoredLogits


def head(random, tokens, width, vocabulary, *, learns=False):
    def normal(*shape):
        return torch.randn(*shape, generator=random).requires_grad_(learns)

    return FactoredLogits(normal(tokens, width), normal(vocabulary, width), normal(vocabulary))


def half(probabilities):
    """A target of another width that keeps some of the mass."""
    return probabilities[:, :3] * torch.tensor([1.0, 0.5, 0.9])


def at_once(student, teacher, target, temperature):
    wanted = target(torch.softmax(teacher.logits() / temperature, -1))
    return temperature**2 * weighted_kl(wanted, torch.log_softmax(student.logits() / temperature, -1))


@given(st.integers(0, 9), st.integers(1, 60), st.integers(1, 20), st.floats(0.5, 4), st.integers(0, 99))
def test_value_and_gradients_are_those_of_all_scores_at_once(tokens, room, cache, temperature, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blockwise, "_SCORES_AT_ONCE", room)
        patch.setattr(blockwise, "_SCORES_IN_CACHE", cache)
        random = torch.Generator().manual_seed(seed)
        student, teacher = head(random, tokens, 4, 3, learns=True), head(random, tokens, 5, 6)
        parts = (student.states, student.weight, student.bias)
        found = divergence(student, teacher, half, temperature)
        expected = at_once(student, teacher, half, temperature)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
        gradients = torch.autograd.grad(3 * found, parts), torch.autograd.grad(3 * expected, parts)
        torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-5)


@given(st.permutations(range(6)), st.integers(0, 6), st.integers(1, 20), st.floats(0.5, 4))
def test_scores_that_are_there_give_the_same(order, count, cache, temperature):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blockwise, "_SCORES_IN_CACHE", cache)
        random = torch.Generator().manual_seed(count)
        student, teacher = head(random, 6, 4, 3, learns=True), head(random, 6, 5, 6)
        ours, theirs = torch.tensor(order[:count], dtype=torch.long), torch.arange(count)
        expected = divergence(student.take(ours), teacher.take(theirs), half, temperature)
        scores = SelectedLogits(student.logits(), ours), SelectedLogits(teacher.logits(), theirs)
        found = score_divergence(*scores, half, temperature)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
        gradients = (torch.autograd.grad(3 * each, student.states)[0] for each in (found, expected))
        torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-5)


def test_in_half_precision_it_is_nearly_the_same():
    random = torch.Generator().manual_seed(1)
    student, teacher = head(random, 40, 16, 3, learns=True), head(random, 40, 16, 6)
    whole = divergence(student, teacher, half, 2.0)
    rounded = [FactoredLogits(*(part.bfloat16() for part in vars(each).values())) for each in (student, teacher)]
    found = divergence(*rounded, half, 2.0)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(whole.item(), rel=0.05)
    first, second = (torch.autograd.grad(each, student.states)[0] for each in (whole, found))
    assert torch.nn.functional.cosine_similarity(first.flatten(), second.flatten(), dim=0) > 0.99


@given(st.lists(st.integers(0, 6), max_size=9), st.integers(1, 60), st.integers(0, 99))
def test_cross_entropy_is_pytorchs(ids, cache, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blockwise, "_SCORES_IN_CACHE", cache)
        scores = torch.randn(len(ids), 7, generator=torch.Generator().manual_seed(seed)).requires_grad_()
        wanted = torch.tensor(ids, dtype=torch.long)
        found = cross_entropy(scores, wanted)
        expected = torch.nn.functional.cross_entropy(scores, wanted, reduction="sum")
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(*(torch.autograd.grad(2 * each, scores)[0] for each in (found, expected)))
