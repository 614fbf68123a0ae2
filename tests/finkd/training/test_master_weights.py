import copy

import torch
from torch import nn

from finkd.training.master_weights import MasterWeights


def pair(*values):
    """A module of some parameters, and its copy in bf16."""
    own = nn.ParameterList(torch.tensor(value, dtype=torch.float32) for value in values)
    return own, copy.deepcopy(own).bfloat16()


def test_steps_too_small_for_bf16_add_up():
    modules = pair([1.0])
    weights = MasterWeights(*modules)
    (own,), (used,) = modules
    optimizer = torch.optim.SGD([own], lr=1.0)
    for _ in range(8):
        used.grad = torch.tensor([2**-10], dtype=torch.bfloat16)
        weights.take_gradients()
        assert used.grad is None
        assert own.grad.dtype == torch.float32
        optimizer.step()
        weights.give_weights()
    assert own.item() == 1 - 2**-7
    assert used.item() == 1 - 2**-7
    # what bf16 alone would have made of it
    assert torch.tensor(1.0).bfloat16() - torch.tensor(2**-10).bfloat16() == 1


def test_of_a_sparse_gradient_only_its_rows_are_copied():
    modules = pair([[1.0], [2.0], [3.0]])
    weights = MasterWeights(*modules)
    (own,), (used,) = modules
    used.grad = torch.sparse_coo_tensor([[2, 2]], [[1.0], [2.0]], (3, 1), dtype=torch.bfloat16, check_invariants=True)
    weights.take_gradients()
    assert own.grad.is_sparse
    assert own.grad.to_dense().tolist() == [[0], [0], [3]]
    with torch.no_grad():
        own.copy_(torch.tensor([[4.0], [5.0], [6.0]]))
    weights.give_weights()
    assert used.tolist() == [[1], [2], [6]]


def test_weights_without_a_gradient_and_frozen_ones():
    (own, frozen), used = modules = pair([1.0], [2.0])
    frozen.requires_grad_(False)
    weights = MasterWeights(*modules)
    used[0].grad = torch.ones(1, dtype=torch.bfloat16)
    weights.take_gradients()
    weights.take_gradients()
    assert own.grad is None
    assert weights.working([frozen, own]) == [frozen, used[0]]


def test_where_both_are_one_nothing_is_copied():
    module = pair([1.0])[0]
    weights = MasterWeights(module, module)
    (own,) = module
    own.grad = torch.ones(1)
    weights.take_gradients()
    weights.give_weights()
    assert own.grad.tolist() == [1]
    assert weights.working([own]) == [own]
