import math

import pytest
import torch
from torch import nn
from transformers import AlbertConfig, AlbertModel

from finkd.models.families import FAMILIES
from finkd.training.dropout import Dropout, set_dropout
from tests.finkd.toys import tiny_model
from tests.toys import wordpiece_uncased


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1,), (7, 3), (64, 33, 5)])
def test_values_are_zeroed_or_scaled_and_slopes_with_them(dtype, shape):
    torch.manual_seed(1)
    values = torch.ones(shape, dtype=dtype, requires_grad=True)
    dropped = Dropout(0.25)(values)
    dropped.sum().backward()
    scale = torch.tensor(1 / 0.75, dtype=dtype)
    assert ((dropped == 0) | (dropped == scale)).all()
    assert torch.equal(values.grad, dropped.detach())


def test_the_share_is_what_was_asked_for_and_the_mean_stays():
    torch.manual_seed(1)
    found = Dropout(0.1)(torch.ones(1000, 1000))
    assert (found == 0).float().mean().item() == pytest.approx(26 / 256, abs=2e-3)
    assert found.mean().item() == pytest.approx(1, abs=2e-3)
    rounded = Dropout(0.1)(torch.randn(1000, 1000).abs().bfloat16())
    assert rounded.float().mean().item() == pytest.approx(math.sqrt(2 / math.pi), rel=1.5e-3)
    # every value of a group of eight bytes has its own chance
    assert (found.view(-1, 8) == 0).float().mean(dim=0).tolist() == pytest.approx([26 / 256] * 8, abs=4e-3)


def test_the_generator_decides():
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(Dropout(0.5)(torch.ones(100)))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


def test_nothing_is_dropped_at_chance_zero_or_outside_training():
    values = torch.ones(100)
    assert Dropout(0.0)(values) is values
    assert Dropout(0.5).eval()(values) is values


def test_a_chance_just_below_one_still_lets_some_through():
    torch.manual_seed(1)
    found = Dropout(0.999)(torch.ones(10_000))
    assert set(found.tolist()) == {0, 256}


def test_a_network_drops_hidden_states_but_no_attention():
    network = tiny_model(labels=("O", "B-X", "I-X")).network
    for chance in (0.5, 0.125):  # a second training of the same network
        set_dropout(network, chance)
        own = [module for module in network.modules() if isinstance(module, Dropout)]
        others = [module for module in network.modules() if isinstance(module, nn.Dropout)]
        assert {module.dropped for module in own} == {256 * chance}
        assert {module.p for module in others} == {0.0}
        assert len(others) == network.config.num_hidden_layers
        assert len(own) == 2 + 2 * network.config.num_hidden_layers


def test_attention_that_reads_its_chance_finds_it():
    config = AlbertConfig(vocab_size=40, hidden_size=8, num_attention_heads=2, intermediate_size=8, embedding_size=8)
    network = AlbertModel(config).train()
    set_dropout(network, 0.5)
    assert network(torch.arange(6)[None]).last_hidden_state.isfinite().all()


DROPS = {"albert": 1 + 3, "distilbert": 1 + 3, "modernbert": 1 + 3, "deberta-v2": 1 + 3 * 3}
"""Of three layers; the other families drop after the embeddings, and in each layer after both halves."""


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_drops_hidden_states_but_no_attention(family):
    network = FAMILIES[family].tiny(wordpiece_uncased()).network.train()
    set_dropout(network, 0.5)
    shapes = []
    for module in network.modules():
        if isinstance(module, Dropout):
            module.register_forward_hook(lambda _, given, found: shapes.append(given[0].shape))
        assert not isinstance(module, nn.Dropout) or module.p == 0
    network(torch.arange(3, 10)[None])
    assert len(shapes) == DROPS.get(family, 1 + 3 * 2)
    assert all(len(shape) < 4 for shape in shapes)  # scores of attention are (batch, heads, seq, seq)
