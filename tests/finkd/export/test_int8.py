"""A network with products, balanced inputs and quantized rows is the same function, or nearly."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from finkd.compression.quantization import quantized
from finkd.compression.sharing import share_layers
from finkd.export.int8 import PackedRows, Product, Rows, balance, drawn, use_products, use_rows
from tests.finkd.models.layer_overrides import FAMILIES, slim_model
from tests.finkd.toys import LABELS, tiny_model


def batches(model):
    return list(drawn(model.network.config.vocab_size, model.tokenizer.special_ids, rows=32, length=12))


def scores(network, batch):
    with torch.inference_mode():
        return network(**{name: torch.from_numpy(each) for name, each in batch.items()}).logits


@pytest.mark.parametrize("family", FAMILIES)
def test_a_balanced_network_is_the_same_function(family):
    model = slim_model(family)
    network = copy.deepcopy(model.network).eval()
    typical = batches(model)
    before = scores(network, typical[0])
    divisors = balance(network, typical)
    assert len(divisors) == sum(isinstance(each, nn.Linear) for each in network.modules())
    assert any((each != 1).any() for each in divisors.values())
    use_products(network, divisors)
    assert not any(isinstance(each, nn.Linear) for each in network.modules())
    torch.testing.assert_close(scores(network, typical[0]), before, rtol=1e-4, atol=1e-5)


def test_the_loudest_input_is_divided_by_the_most():
    layer = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 1, 1], [-1, 1, -0.5]]))

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, states):
            return self.layer(states)

    found = balance(Reader(), [{"states": torch.tensor([[0.1, -2, 32], [0.2, 1, -8]]).numpy()}])
    # max |X| = .2, 2, 32, of which the first counts as the median; max |W| = 1, 1, 1
    torch.testing.assert_close(found[layer.weight], torch.tensor([2.0, 2, 32]) ** 0.8)


def test_layers_that_read_the_same_are_divided_once():
    model = tiny_model(labels=LABELS)
    found = balance(model.network, batches(model))
    layer = model.network.bert.encoder.layer[0]
    attention = layer.attention.self
    assert found[attention.query.weight] is found[attention.key.weight] is found[attention.value.weight]
    assert found[attention.query.weight] is not found[layer.intermediate.dense.weight]
    use_products(model.network, found)
    assert attention.query.factors is attention.key.factors


def test_what_layers_share_they_go_on_sharing():
    network = share_layers(tiny_model(labels=LABELS, layers=3), "all").network
    model = tiny_model(labels=LABELS, layers=3)
    use_products(network, balance(network, batches(model)))
    first, *others = (layer.attention.self.query for layer in network.bert.encoder.layer)
    assert isinstance(first, Product)
    assert all(each.matrix is first.matrix and each.factors is first.factors for each in others)


@given(
    st.lists(st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=3), min_size=1, max_size=5).map(torch.tensor)
)
def test_a_row_is_rounded_by_half_a_step_at_most(table):
    table = table.float()
    steps = table.abs().amax(dim=1, keepdim=True) / 127
    read = Rows(nn.Embedding.from_pretrained(table))(torch.arange(len(table)))
    assert ((read - table).abs() <= 0.5001 * steps + 1e-30).all()


@given(st.integers(1, 40), st.integers(1, 12), st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_a_table_of_four_bits_is_held_without_loss(rows, half, group, seed):
    weight = quantized(torch.randn(rows, 2 * half, generator=torch.Generator().manual_seed(seed)), 4, group)
    table = nn.Embedding.from_pretrained(weight)
    assert PackedRows.fits(table)
    packed = PackedRows(table)
    assert packed.pairs.shape == (rows, half)
    torch.testing.assert_close(packed(torch.arange(rows)), weight, rtol=1e-3, atol=1e-4)


def test_other_tables_are_not_held_in_four_bits():
    assert not PackedRows.fits(nn.Embedding(10, 32))
    assert not PackedRows.fits(nn.Embedding.from_pretrained(quantized(torch.randn(10, 32), 8, 1)))
    assert PackedRows.fits(nn.Embedding.from_pretrained(torch.zeros(3, 4)))
    assert not PackedRows.fits(nn.Embedding.from_pretrained(torch.zeros(3, 5)))


def test_rows_replace_all_tables():
    model = tiny_model(labels=LABELS)
    before = scores(model.network, batches(model)[0])
    use_rows(model.network)
    assert not any(isinstance(each, nn.Embedding) for each in model.network.modules())
    after = scores(model.network, batches(model)[0])
    assert 0 < (after - before).abs().max() < 0.05


def test_common_tokens_are_drawn_more_often_and_special_ones_only_where_they_belong():
    found = list(drawn(500, {"pad": 0, "cls": 1, "sep": 2}, rows=40, length=20))
    ids = torch.cat([torch.from_numpy(each["input_ids"]) for each in found])
    assert ids.shape == (40, 20)
    assert (ids[:, 0] == 1).all()
    assert (ids[:, -1] == 2).all()
    inner = ids[:, 1:-1]
    assert inner.min() >= 3
    assert (inner < 100).sum() > 2 * (inner >= 400).sum()
    assert all(each["attention_mask"].all() for each in found)


def test_networks_read_the_attributes_of_the_layers_that_are_replaced():
    """DeBERTa reads the weights of its table of relative positions; a missing attribute ended the export."""
    torch.manual_seed(1)
    table, layer = nn.Embedding(5, 4, padding_idx=0), nn.Linear(4, 3)
    network = nn.ModuleDict({"table": table, "layer": layer})
    divisors = {layer.weight: torch.tensor([1.0, 2.0, 3.0, 4.0])}
    use_products(network, divisors)
    use_rows(network)
    assert (network["table"].weight - table.weight).abs().max() <= table.weight.abs().max() / 254
    for name in ("num_embeddings", "embedding_dim", "padding_idx"):
        assert getattr(network["table"], name) == getattr(table, name)
    torch.testing.assert_close(network["layer"].weight, layer.weight)
    assert (network["layer"].in_features, network["layer"].out_features) == (4, 3)
