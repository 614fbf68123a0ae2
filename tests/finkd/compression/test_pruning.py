"""Pruning removes the least important parts; parts without effect are removed without a change of outputs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from finkd.compression.pruning import by_magnitude, by_taylor, kept, of_layers
from finkd.compression.sharing import share_layers
from finkd.corpora.errors import ConfigError
from finkd.losses.cross_entropy import CrossEntropy
from finkd.models.layer_overrides import head_size, linear
from finkd.stages.prune import Prune
from finkd.training.step import TrainingStep
from tests.finkd.models.layer_overrides import FAMILIES, TEXT
from tests.finkd.toys import LABELS, SENTENCES, context, ner_data, outputs, tiny_model


def silenced(model):
    """The model with the second head of layer 0 and every third unit of layer 1 that nothing reads; their numbers."""
    first, second = model.layers
    size = head_size(first)
    units = torch.arange(0, 64, 3)
    with torch.no_grad():
        linear(first, "attended").weight[:, size : 2 * size] = 0
        linear(second, "lowered").weight[:, units] = 0
    return model, units


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("by", ["taylor", "magnitude"])
def test_what_nothing_reads_goes_first_and_is_not_missed(family, by, tmp_path):
    model, units = silenced(tiny_model(labels=LABELS, family=family))
    before = outputs(model, TEXT)
    fewer, _ = Prune("heads", 0.25, by, "model").run(model, context(tmp_path))
    assert fewer.network.config.slim["heads"] == (1, 2)
    torch.testing.assert_close(outputs(fewer, TEXT), before)
    fewer, _ = Prune("units", len(units) / 128, by, "model").run(model, context(tmp_path))
    assert fewer.network.config.slim["units"] == (64, 64 - len(units))
    torch.testing.assert_close(outputs(fewer, TEXT), before)


def test_importance_is_the_slope_of_a_gate():
    model = tiny_model(labels=LABELS, seed=3)
    data = ner_data(SENTENCES, model)
    found = by_taylor(model, data, 10_000, 1)  # all in one batch
    step = TrainingStep(model, None, [CrossEntropy()], None, torch.device("cpu"), "fp32").train(False)
    batch = data.batch(torch.arange(len(data.lengths)).numpy())
    layer = model.layers[1]
    attended, lowered = (linear(layer, name).weight for name in ("attended", "lowered"))

    def gradient(weight, columns):
        with torch.no_grad():
            old, losses = weight.clone(), []
            for gate in (1.01, 0.99):
                weight[:, columns] = gate * old[:, columns]
                losses.append(step(batch).item())
            weight.copy_(old)
        return abs(losses[0] - losses[1]) / 0.02

    heads = torch.tensor([gradient(attended, slice(16 * head, 16 * head + 16)) for head in range(2)])
    torch.testing.assert_close(found["heads"][1], heads / heads.norm(), rtol=0.05, atol=0.02)
    units = [int(found["units"][1].argmax()), int(found["units"][1].argmin())]
    for unit in units:
        assert found["units"][1][unit].item() == pytest.approx(gradient(lowered, [unit]), rel=0.1, abs=2e-5)


def test_a_layer_that_does_nothing_goes_first(tmp_path):
    model = tiny_model(layers=3, labels=LABELS, seed=2)
    rises = of_layers(model, ner_data(SENTENCES, model), 256, 1)
    assert len(rises) == len(model.layers) == 3
    fewer, _ = Prune("layers", 0.34).run(model, context(tmp_path))
    assert len(fewer.layers) == 2
    gone = min(range(3), key=lambda layer: rises[layer])
    stay = [layer for layer in range(3) if layer != gone]
    assert torch.equal(fewer.layers[0].output.dense.weight, model.layers[stay[0]].output.dense.weight)


@given(
    some.lists(some.lists(some.floats(0, 1), min_size=1, max_size=6), min_size=1, max_size=4),
    some.floats(0.01, 0.99),
    some.sampled_from(["layer", "model"]),
)
def test_a_part_of_every_layer_stays(importance, share, scope):
    scores = [torch.tensor(each) for each in importance]
    stay = kept(scores, share, scope)
    assert all(len(each) for each in stay)
    assert all(each.tolist() == sorted(set(each.tolist())) for each in stay)
    if scope == "model":
        total = sum(map(len, scores))
        assert sum(map(len, stay)) == max(len(scores), round(total * (1 - share)))
    for each, layer in zip(stay, scores, strict=True):
        gone = torch.ones(len(layer), dtype=torch.bool)
        gone[each] = False
        assert not gone.any() or layer[each].min() >= layer[gone].max()


def test_magnitude_by_hand():
    model = tiny_model(layers=1)
    layer = model.layers[0]
    unit = layer.intermediate.dense.weight[3].norm() * layer.output.dense.weight[:, 3].norm()
    assert by_magnitude(model)["units"][0][3].item() == pytest.approx(unit.item(), rel=1e-5)
    head = layer.attention.self.value.weight[16:].norm() * layer.attention.output.dense.weight[:, 16:].norm()
    assert by_magnitude(model)["heads"][0][1].item() == pytest.approx(head.item(), rel=1e-5)


def test_rounds_of_pruning_add_up(tmp_path):
    model = tiny_model(layers=3, labels=LABELS)
    for what in ("heads", "units", "units", "layers"):
        model, _ = Prune(what, 0.5, "magnitude" if what != "layers" else "taylor").run(model, context(tmp_path))
    assert len(model.layers) == 2
    assert model.network.config.slim["heads"] == (1, 1)
    assert model.network.config.intermediate_size == 16
    outputs(model, TEXT)


def test_what_cannot_be_pruned_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="shared or of low rank already; prune before"):
        Prune(by="magnitude").run(share_layers(tiny_model(), "all"), context(tmp_path))
