"""Outputs of the forward pass, against plain calls of the same model."""

import pytest
import torch

from finkd.compression.pruning import keep_parts
from finkd.corpora.errors import ConfigError
from finkd.data.batches import TrainingData
from finkd.inference.forward import forward
from finkd.losses.term import Requirement
from finkd.models.families import FAMILIES as ALL_FAMILIES
from finkd.models.heads import with_masked_head
from finkd.models.layer_overrides import linear
from tests.finkd.toys import LABELS, SENTENCES, tiny_model
from tests.toys import wordpiece_uncased

FAMILIES = ["bert", "distilbert", "roberta"]


def batch(model):
    data = TrainingData.of(SENTENCES, model, LABELS)
    return data.batch(torch.arange(len(SENTENCES)).numpy())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tagger_gives_scores_of_words_and_all_states(family):
    model = tiny_model(layers=3, labels=LABELS, family=family)
    inputs = batch(model).student
    side = forward(model.network, inputs, Requirement.HIDDEN_STATES)
    plain = model.network(input_ids=inputs.ids, attention_mask=inputs.mask, output_hidden_states=True)
    assert side.word_logits.shape == (len(inputs.first_token_positions), len(LABELS))
    torch.testing.assert_close(side.word_logits, plain.logits.flatten(0, 1)[inputs.first_token_positions])
    assert len(side.hidden_states) == 4
    for state, expected in zip(side.hidden_states, plain.hidden_states, strict=True):
        torch.testing.assert_close(state, expected.flatten(0, 1)[inputs.tokens])


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_is_really_there(family):
    """Peers asked for attentions, got empty tuples, and trained on nothing."""
    model = tiny_model(layers=3, family=family)
    inputs = batch(model).student
    side = forward(model.network, inputs, (Requirement.ATTENTION | Requirement.HIDDEN_STATES))
    assert [each.shape for each in side.attention] == [(3, len(inputs.tokens), 32)] * 3
    assert side.attention_heads == 2
    # queries of the second layer, from the states that enter it
    query = linear(model.layers[1], "query")
    torch.testing.assert_close(side.attention[1][0], query(side.hidden_states[1]))
    side.attention[0].sum().backward()
    assert model.embeddings.weight.grad.abs().sum() > 0


def test_attention_of_a_teacher_whose_layers_cannot_be_slim():
    model = ALL_FAMILIES["mpnet"].tiny(wordpiece_uncased())
    inputs = batch(model).student
    side = forward(model.network, inputs, (Requirement.ATTENTION | Requirement.HIDDEN_STATES))
    assert [each.shape for each in side.attention] == [(3, len(inputs.tokens), 32)] * 3
    attention = model.layers[1].attention.attn
    for found, matrix in zip(side.attention[1], (attention.q, attention.k, attention.v), strict=True):
        torch.testing.assert_close(found, matrix(side.hidden_states[1]))


@pytest.mark.parametrize(("kept", "heads"), [([1, 1, 1], 1), ([1, 2, 1], 0)])
def test_heads_of_slim_layers_are_counted_where_all_have_as_many(kept, heads):
    model = keep_parts(tiny_model(layers=3), "heads", [torch.arange(number) for number in kept])
    assert forward(model.network, batch(model).student, Requirement.ATTENTION).attention_heads == heads


def test_no_hook_is_left_behind():
    model = tiny_model()
    forward(model.network, batch(model).student, Requirement.ATTENTION)
    assert all(not module._forward_hooks for module in model.network.modules())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_vocabulary_is_scored_at_the_chosen_tokens_alone(family):
    model = with_masked_head(tiny_model(family=family), 1)
    inputs = batch(model).student
    side = forward(model.network, inputs, Requirement.MLM_LOGITS, torch.tensor([5, 1]))
    plain = model.network(input_ids=inputs.ids, attention_mask=inputs.mask).logits.flatten(0, 1)[inputs.tokens]
    torch.testing.assert_close(side.mlm_logits, plain[[5, 1]])
    assert side.word_logits is None


def test_nothing_is_computed_that_is_not_needed():
    model = tiny_model(labels=LABELS)
    side = forward(model.network, batch(model).student, Requirement.NONE)
    assert (side.hidden_states, side.attention, side.mlm_logits, side.embeddings) == ((), (), None, None)


def test_token_embeddings_are_those_of_the_tokens():
    model = tiny_model()
    inputs = batch(model).student
    side = forward(model.network, inputs, Requirement.EMBEDDINGS)
    torch.testing.assert_close(side.embeddings, model.embeddings.weight[inputs.token_ids])


def test_attention_of_another_architecture_is_refused_by_name():
    model = tiny_model()
    inputs = batch(model).student
    for layer in model.layers:
        for name in ("query", "key", "value"):
            del layer.attention.self._modules[name]
    with pytest.raises(ConfigError, match="attention of 'bert' cannot be read"):
        forward(model.network, inputs, Requirement.ATTENTION)
