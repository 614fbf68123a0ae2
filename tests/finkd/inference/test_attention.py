import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from finkd.data.collator import model_inputs
from finkd.data.encoding import cut_windows, encode
from finkd.inference import attention
from finkd.inference.attention import fastest
from finkd.inference.forward import forward
from finkd.losses.term import Requirement
from finkd.machine.precision import in_precision
from finkd.models.families import FAMILIES
from finkd.models.heads import with_head
from tests.finkd.toys import LABELS, SENTENCES, tiny_model
from tests.toys import roberta, wordpiece_uncased


@pytest.mark.parametrize("tokenizer", [wordpiece_uncased, roberta])
def test_plain_attention_is_that_of_pytorch(tokenizer):
    network = tiny_model(tokenizer(), layers=2).network.bfloat16()
    ids = torch.arange(24).view(3, 8) + 5
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[0, 5:] = mask[1, 1:] = False
    with torch.no_grad():
        usual = network(input_ids=ids, attention_mask=mask).last_hidden_state
    with fastest(network):
        plain = network(input_ids=ids, attention_mask=mask).last_hidden_state
    assert plain.requires_grad
    assert not torch.equal(usual, plain)  # another kernel
    torch.testing.assert_close(plain[mask], usual[mask], rtol=0.05, atol=0.05)


@pytest.mark.parametrize("at_once", [1, 1 << 18])
@pytest.mark.parametrize("is_masked", [False, True])
def test_its_gradients_are_those_of_pytorch_however_many_sentences_are_looked_at_together(
    monkeypatch, at_once, is_masked
):
    monkeypatch.setattr(attention, "_SCORES_IN_CACHE", at_once)
    torch.manual_seed(1)
    mask = (torch.arange(6) < torch.tensor([[6], [4], [1]])).view(3, 1, 1, 6) if is_masked else None
    gradients = torch.randn(3, 2, 6, 4)
    found = []
    parts = [torch.randn(3, 2, 6, 4) for _ in range(3)]
    for plain in (True, False):
        query, key, value = own = [part.clone().requires_grad_() for part in parts]
        if plain:
            mixed = attention._plain(torch.nn.Identity(), query, key, value, mask, 0.5)[0].transpose(1, 2)
        else:
            mixed = functional.scaled_dot_product_attention(query, key, value, mask, scale=0.5)
        mixed.backward(gradients)
        found.append([mixed, *(each.grad for each in own)])
    torch.testing.assert_close(*found)


def test_padding_has_no_effect_and_slopes_are_finite():
    network = tiny_model(layers=2).network.bfloat16()
    ids = torch.arange(8).view(1, 8) + 5
    found = []
    for spare in (0, 4):
        padded = functional.pad(ids, (0, spare))
        with fastest(network):
            states = network(input_ids=padded, attention_mask=padded > 0).last_hidden_state[:, :8]
        states.float().sum().backward()
        found.append(states.detach())
    torch.testing.assert_close(*found, rtol=0.02, atol=0.02)
    assert all(each.grad.isfinite().all() for each in network.parameters() if each.grad is not None)


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_has_no_effect_on_any_family_that_trains(family):
    model = with_head(FAMILIES[family].tiny(wordpiece_uncased()), LABELS, 1)
    for weights in model.network.parameters():
        weights.data.mul_(10 if weights.ndim > 1 else 1)  # else attention is hardly more than a mean
    network = in_precision(model.network.eval(), "bf16")
    encoded = encode(cut_windows(SENTENCES, [model.tokenizer]), model.tokenizer)
    shortest, longest = int(np.argmin(encoded.lengths)), int(np.argmax(encoded.lengths))
    found = []
    for rows in ([shortest], [shortest, longest]):
        tokens = encoded.tokens.take(rows)
        inputs = model_inputs(encoded, tokens, np.arange(len(tokens.ids)), model.max_length)
        found.append(forward(network, inputs, Requirement.HIDDEN_STATES).hidden_states[-1].float())
    alone, beside = found
    assert alone.requires_grad
    torch.testing.assert_close(alone, beside[: len(alone)], rtol=0.02, atol=0.05)


def test_the_fused_kernel_is_used_wherever_it_is_faster():
    network = tiny_model().network
    half = copy.deepcopy(network).bfloat16()
    usual = network.config._attn_implementation
    with fastest(network):
        assert network.config._attn_implementation == usual
    with torch.no_grad(), fastest(half):
        assert half.config._attn_implementation == usual
    with fastest(half):
        assert half.config._attn_implementation != usual
    assert half.config._attn_implementation == usual
