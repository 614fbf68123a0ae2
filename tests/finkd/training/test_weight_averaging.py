import pytest
import torch
from torch import nn

from finkd.training.weight_averaging import Averaging


def trained(decay, values):
    """The weight that a training ends with which goes through these values."""
    network = nn.Linear(1, 1, bias=False)
    averaging = Averaging(network, decay)
    with torch.no_grad():
        network.weight.fill_(values[0])
        averaging.begin(0)
        for value in values[1:]:
            network.weight.fill_(value)
            averaging.after_update(0)
    averaging.end(1)
    return network.weight.item()


def test_the_average_is_that_of_hand():
    # Early decays are 1/10 and 2/11, below .9: .1 * 1 + .9 * 2 = 1.9, then 2/11 * 1.9 + 9/11 * 4 = 3.6182.
    assert trained(0.9, [1.0, 2.0, 4.0]) == pytest.approx(2 / 11 * 1.9 + 9 / 11 * 4)


def test_a_small_decay_bounds_the_early_one():
    assert trained(0.05, [1.0, 2.0]) == pytest.approx(0.05 * 1 + 0.95 * 2)


def test_weights_that_stay_are_their_average():
    assert trained(0.9, [3.0] * 20) == pytest.approx(3.0)
