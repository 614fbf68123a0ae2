"""What every loss term in the registry owes: a new one is tested by its registry line alone."""

import copy
import dataclasses
from dataclasses import replace

import pytest
import torch

from corpora.errors import ConfigError
from finkd.losses import losses
from finkd.losses.term import Outputs
from finkd.settings import build

NEEDS = {"teacher_logits", "hidden"}


def random_outputs(words: int = 7, labels: int = 5, pieces: int = 11, width: int = 6, seed: int = 0) -> Outputs:
    random = torch.Generator().manual_seed(seed)

    def states(count):
        return tuple(torch.randn(pieces, width, generator=random, requires_grad=True) for _ in range(count))

    return Outputs(
        student_logits=torch.randn(words, labels, generator=random, requires_grad=True),
        labels=torch.randint(labels, (words,), generator=random),
        teacher_logits=torch.randn(words, labels, generator=random),
        student_hidden=states(3),
        teacher_hidden=tuple(state.detach() for state in states(5)),
        covered=torch.rand(pieces, generator=random) < 0.8,
    )


def without(outputs: Outputs, needs: frozenset[str]) -> Outputs:
    """Only the parts that a term says it needs."""
    if "teacher_logits" not in needs:
        outputs = replace(outputs, teacher_logits=None)
    if "hidden" not in needs:
        outputs = replace(outputs, student_hidden=(), teacher_hidden=(), covered=None)
    return outputs


@pytest.fixture(params=list(losses))
def term(request):
    return losses.get(request.param)()


def test_it_is_a_frozen_dataclass_with_known_needs(term):
    assert dataclasses.is_dataclass(term)
    assert term.needs <= NEEDS
    assert term.weight == 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        term.weight = 2.0


def test_it_refuses_unknown_settings(term):
    with pytest.raises(ConfigError, match=r"losses\.x\.temprature: unknown setting"):
        build(type(term), {"temprature": 1}, "losses.x")


@pytest.mark.parametrize(("words", "pieces"), [(1, 1), (3, 5), (17, 31)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_a_finite_float32_scalar(term, words, pieces, dtype):
    outputs = random_outputs(words=words, pieces=pieces)
    cast = replace(
        outputs,
        student_logits=outputs.student_logits.to(dtype),
        student_hidden=tuple(state.to(dtype) for state in outputs.student_hidden),
    )
    value = term(cast)
    assert value.shape == ()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert value > 0


def test_what_it_does_not_need_has_no_effect(term):
    outputs = random_outputs()
    assert torch.equal(term(outputs), term(without(outputs, term.needs)))


def test_it_reaches_the_student(term):
    outputs = random_outputs()
    term(outputs).backward()
    reached = outputs.student_hidden if "hidden" in term.needs else (outputs.student_logits,)
    assert all(tensor.grad is not None and tensor.grad.abs().sum() > 0 for tensor in reached)


def test_it_leaves_its_inputs_alone(term):
    outputs = random_outputs()
    before = copy.deepcopy([getattr(outputs, field.name) for field in dataclasses.fields(outputs)])
    term(outputs)
    after = [getattr(outputs, field.name) for field in dataclasses.fields(outputs)]
    torch.testing.assert_close(after, before, rtol=0, atol=0)


@pytest.mark.parametrize("empty", ["no words and no pieces", "no labels and no covered pieces"])
def test_nothing_to_count_gives_zero_and_finite_gradients(term, empty):
    if empty == "no words and no pieces":
        outputs = random_outputs(words=0, pieces=0)
    else:
        outputs = random_outputs()
        outputs = replace(
            outputs,
            labels=torch.full_like(outputs.labels, -100),
            teacher_logits=outputs.student_logits.detach(),
            covered=torch.zeros_like(outputs.covered),
        )
    value = term(outputs)
    value.backward()
    assert abs(value.item()) < 1e-6
    for tensor in (outputs.student_logits, *outputs.student_hidden):
        assert tensor.grad is None or torch.isfinite(tensor.grad).all()
