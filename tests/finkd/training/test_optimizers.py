import pytest
import torch

from finkd.models.heads import with_masked_head
from finkd.training.optimizers import optimizers
from finkd.training.schedule import Schedule
from tests.finkd.toys import LABELS, tiny_model

RATES = Schedule(learning_rate=1e-4, head_learning_rate=1e-3, embedding_learning_rate=5e-5, weight_decay=0.3)


def settings(model, name):
    """The value of a setting for each parameter, by its name."""
    names = {id(parameter): each for each, parameter in model.network.named_parameters()}
    groups = (group for optimizer in optimizers(model, None, RATES) for group in optimizer.param_groups)
    return {names[id(parameter)]: group.get(name) for group in groups for parameter in group["params"]}


def test_matrices_decay_and_biases_and_norms_do_not():
    model = tiny_model(labels=LABELS)
    matrices = {name for name, parameter in model.network.named_parameters() if parameter.ndim > 1}
    decay = settings(model, "weight_decay")
    table = next(name for name in decay if "word_embeddings" in name)
    assert decay.pop(table) is None  # rows that are not seen must not drift
    assert decay == {name: 0.3 if name in matrices else 0.0 for name in decay}
    assert len(decay) > 10


@pytest.mark.parametrize("is_masked_lm", [False, True])
def test_body_head_and_token_embeddings_have_their_own_rates(is_masked_lm):
    model = tiny_model(labels=() if is_masked_lm else LABELS)
    model = with_masked_head(model, 1) if is_masked_lm else model
    rates = settings(model, "lr")
    body = {name for name in rates if name.startswith("bert.")}
    table = next(name for name in body if "word_embeddings" in name)
    expected = {name: 1e-4 if name in body else 1e-3 for name in rates} | {table: 5e-5}
    assert rates == expected
    assert body < rates.keys()


def test_token_embeddings_of_rate_0_stay():
    model = tiny_model(labels=LABELS)
    (adam,) = optimizers(model, None, Schedule(embedding_learning_rate=0))
    assert isinstance(adam, torch.optim.AdamW)
    assert not model.embeddings.weight.requires_grad
