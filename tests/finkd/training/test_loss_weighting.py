"""Terms of very different scale, made to pull equally hard."""

from dataclasses import replace

import pytest
import torch

from finkd.losses.cross_entropy import CrossEntropy
from finkd.stages.task_distill import TaskDistill
from finkd.stages.training import LearningStage
from finkd.training.loss_weighting import WeightedSum
from finkd.training.schedule import Schedule
from tests.finkd.toys import context


def pull(scales, weights, active):
    """Gradient of a weighted sum of ``scale * parameter`` per term, each term on a parameter of its own."""
    parameters = [torch.nn.Parameter(torch.ones(1)) for _ in scales]
    balance = WeightedSum([CrossEntropy(weight=weight) for weight in weights], parameters, active)
    terms = torch.stack([scale * parameter.sum() for scale, parameter in zip(scales, parameters, strict=True)])
    balance(terms).backward()
    return [parameter.grad.item() for parameter in parameters]


def test_without_balance_it_is_the_weighted_sum():
    assert pull([2.0, 100.0], [1.0, 0.5], active=False) == [2.0, 50.0]


def test_balanced_terms_pull_equally_hard():
    assert pull([2.0, 100.0], [1.0, 1.0], active=True) == pytest.approx([51.0, 51.0])


@pytest.mark.parametrize(
    ("losses", "is_balanced"), [({"cross-entropy": {}}, False), ({"cross-entropy": {}, "word-logits-kl": {}}, True)]
)
def test_results_of_the_earlier_rule_are_not_taken(losses, is_balanced, tmp_path):
    stage = TaskDistill(losses=losses, schedule=Schedule(gradient_norm_balancing=True), on="gold")
    assert ("version of gradient_norm_balancing" in LearningStage.cache_inputs(stage, context(tmp_path))) == is_balanced
    plain = replace(stage, schedule=Schedule())
    assert "version of gradient_norm_balancing" not in LearningStage.cache_inputs(plain, context(tmp_path))


def test_weights_say_how_much_each_counts():
    first, second = pull([2.0, 100.0], [1.0, 3.0], active=True)
    assert second / first == pytest.approx(3.0)


def test_norms_are_averaged_over_time():
    parameters = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
    balance = WeightedSum([CrossEntropy(), CrossEntropy()], parameters, True)
    for step in range(17):  # norms are measured at steps 0 and 16
        scale = 2.0 if step < 16 else 4.0
        balance(torch.stack([scale * parameters[0].sum(), parameters[1].sum()]))
    # Bias-corrected as in Adam: (.9 * .1 * 2 + .1 * 4) / (.9 * .1 + .1).
    first = 0.58 / 0.19
    torch.testing.assert_close(balance._scales(), torch.tensor([(first + 1) / 2 / first, (first + 1) / 2]))


def test_a_student_that_begins_as_its_teacher_is_not_driven_by_that_loss():
    assert pull([1.0, 1e-7], [1.0, 1.0], active=True)[1] == pytest.approx(1e-5)  # a hundred times its own


def test_a_term_that_reaches_nothing_does_no_harm():
    assert pull([2.0, 0.0, 4.0], [1.0, 1.0, 1.0], active=True) == pytest.approx([3.0, 0.0, 3.0])


def test_terms_that_all_reach_nothing_keep_their_weights():
    other = torch.nn.Parameter(torch.ones(1))
    balance = WeightedSum([CrossEntropy(), CrossEntropy()], [torch.nn.Parameter(torch.ones(1))], True)
    assert balance(torch.stack([2 * other.sum(), 3 * other.sum()])).item() == 5.0
