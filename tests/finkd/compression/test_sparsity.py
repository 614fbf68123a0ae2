"""Unstructured pruning: schedule, masks, and zeros of the trained model."""

from dataclasses import replace

import pytest
import torch

from finkd.compression.sharing import share_layers
from finkd.compression.sparsity import Sparsity, packed_bytes, prunable
from finkd.corpora.errors import ConfigError
from finkd.losses.cross_entropy import CrossEntropy
from finkd.models.spec import ModelSpec
from finkd.stages.constrained import Sparsify
from finkd.store import Store
from finkd.training.checkpoints import Checkpoints
from finkd.training.schedule import Schedule
from finkd.training.trainer import train
from tests.finkd.toys import LABELS, QUICK, SENTENCES, context, ner_data, tiny_model


def test_the_share_rises_with_the_cube_of_what_is_left():
    half = Sparsity(["w"], 0.8, "magnitude", "model", (0.2, 0.6))
    assert [half.at(done) for done in (0, 0.2, 0.4, 0.6, 1)] == pytest.approx([0, 0, 0.8 * (1 - 0.5**3), 0.8, 0.8])
    at_once = Sparsity(["w"], 0.8, "magnitude", "layer", (0.5, 0.5))
    assert [at_once.at(done) for done in (0.0, 0.49, 0.5, 1.0)] == [0, 0, 0.8, 0.8]
    assert Sparsity(["w"], 0.8, "magnitude", "model").at(0) == 0.8


def test_the_smallest_weights_go_by_matrix_or_altogether():
    free = {"a": torch.tensor([[1.0, -2.0], [3.0, 4.0]]), "b": torch.tensor([[0.1, 0.2], [-0.3, 5.0]])}
    alike = Sparsity(["a", "b"], 0.5, "magnitude", "layer").apply(free, 1.0)
    assert alike["a"].tolist() == [[0, 0], [3, 4]]
    torch.testing.assert_close(alike["b"], torch.tensor([[0, 0], [-0.3, 5.0]]))
    together = Sparsity(["a", "b"], 0.5, "magnitude", "model").apply(free, 1.0)
    assert together["a"].tolist() == [[0, -2], [3, 4]]
    assert together["b"].tolist() == [[0, 0], [0, 5]]


def test_of_equal_weights_the_last_ones_go():
    free = {"w": torch.tensor([[1.0, 2.0, -1.0], [0.5, 1.0, 1.0]])}
    found = [Sparsity(["w"], gone / 6, "magnitude", "layer").apply(free, 1.0)["w"].ne(0).flatten() for gone in range(7)]
    order = [3, 5, 4, 2, 0, 1]
    assert [{*mask.logical_not().nonzero().flatten().tolist()} for mask in found] == [{*order[:n]} for n in range(7)]


def test_movement_keeps_what_grows():
    free = {"w": torch.tensor([[5.0, 0.1, -0.1, 3.0]], requires_grad=True)}
    free["w"].grad = torch.tensor([[1.0, -1.0, 1.0, 0.1]])  # the first shrinks, the second and third grow
    moved = Sparsity(["w"], 0.5, "movement", "model")
    with torch.no_grad():
        moved.observe_gradients(free)
        assert moved.apply(free, 1.0)["w"].ne(0).tolist() == [[False, True, True, False]]


def test_a_weight_that_went_may_come_back():
    free = {"w": torch.tensor([[1.0, 2.0]])}
    sparse = Sparsity(["w"], 0.5, "magnitude", "model")
    assert sparse.apply(free, 0.1)["w"].tolist() == [[0, 2]]
    free["w"][0, 0] = 3.0
    assert sparse.apply(free, 0.1)["w"].tolist() == [[0, 2]]  # not decided anew yet
    assert sparse.apply(free, 0.5)["w"].tolist() == [[3, 0]]


@pytest.mark.parametrize("by", ["magnitude", "movement"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_trained_model_has_its_zeros_and_learns(by, precision, tmp_path):
    model = tiny_model(labels=LABELS)
    schedule = replace(QUICK, precision=precision, epochs=8)
    sparse, tokens = Sparsify(0.75, by, "model", schedule=schedule).run(model, context(tmp_path))
    assert tokens > 0
    names = prunable(sparse)
    weights = dict(sparse.network.named_parameters())
    zeros = sum(int((weights[name] == 0).sum()) for name in names)
    count = sum(weights[name].numel() for name in names)
    assert zeros == pytest.approx(0.75 * count, abs=2)
    others = [name for name in weights if name not in names]
    assert any(not torch.equal(weights[name], model.network.get_parameter(name)) for name in others)
    rest = 4 * sum(weights[name].numel() for name in others)
    assert sparse.network.config.packed_bytes == rest + sum(packed_bytes(weights[name]) for name in names)


def test_an_interrupted_training_ends_with_the_same_bits(tmp_path):
    def ended(folder, stop=None):
        model = tiny_model(labels=LABELS)
        data = ner_data(SENTENCES, model)
        checkpoints = Checkpoints(Store(folder), "a" * 32, 0.0) if folder else None

        def look(model, progress):
            if progress.step == stop:
                raise KeyboardInterrupt

        constraint = Sparsity(prunable(model), 0.5, "movement", "layer", (0.0, 0.5))
        try:
            train(model, data, [CrossEntropy()], replace(QUICK, epochs=6), 1, None, None, checkpoints, look, constraint)
        except KeyboardInterrupt:
            return ended(folder)
        return model.network.state_dict()

    torch.testing.assert_close(ended(tmp_path / "a", stop=7), ended(None), rtol=0, atol=0)


def test_shared_matrices_are_pruned_once():
    shared = share_layers(tiny_model(labels=LABELS, layers=3), "all")
    assert len(prunable(shared)) == 6
    assert len(prunable(tiny_model(labels=LABELS, layers=3))) == 18


def test_packed_bytes_by_hand():
    assert packed_bytes(torch.tensor([[1.0, 0, 0], [0, 2.0, 0], [0, 0, 0]])) == 2 + 8  # nine bits, two weights


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"by": "movement", "schedule": Schedule(epochs=0)}, "movement is what training does"),
        ({"rise": (0.7, 0.1)}, "expected two rising parts"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Sparsify(**settings).validate(ModelSpec(head="labels"))
