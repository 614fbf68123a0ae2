"""Tensor decomposition of stacked layers: approximation, size, and sharing of factors."""

import copy
import json

import pytest
import torch

from finkd.compression.pruning import keep_parts
from finkd.compression.sharing import cp, rank_by_budget, share_layers, stacks, tucker, with_factors
from finkd.corpora.errors import ConfigError, DataError
from finkd.export.onnx import export_onnx, load_onnx, parity
from finkd.models.layer_overrides import Slim
from finkd.models.loading import load_model
from finkd.stages.finetune import Finetune
from finkd.stages.sharing import Tensorize
from finkd.stages.truncate_layers import TruncateLayers
from tests.finkd.models.layer_overrides import FAMILIES, TEXT, slim_model
from tests.finkd.toys import LABELS, QUICK, SENTENCES, context, outputs, tiny_model


def product(factors):
    cores = torch.stack([core if core.dim() == 2 else torch.diag(core) for core in factors.cores])
    return factors.wide @ cores @ factors.narrow


def drawn(*shape, seed=1):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_tucker_finds_subspaces_that_layers_share():
    wide, cores, narrow = drawn(9, 3), drawn(4, 3, 3, seed=2), drawn(3, 7, seed=3)
    stack = wide @ cores @ narrow
    found = tucker(stack, 3)
    assert found.ranks == (3, 3)
    torch.testing.assert_close(product(found), stack)
    assert (product(tucker(stack, 2)) - stack).norm() > 0.01 * stack.norm()


def test_cp_finds_sums_of_outer_products():
    wide, diagonals, narrow = drawn(9, 3), drawn(4, 3, seed=2), drawn(3, 7, seed=3)
    stack = torch.einsum("or,lr,ri->loi", wide, diagonals, narrow)
    found = cp(stack, 3)
    assert found.ranks == (3,)
    torch.testing.assert_close(product(found), stack, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("method", ["tucker", "cp"])
@pytest.mark.parametrize("shape", [(3, 32, 32), (2, 64, 32), (6, 8, 40)])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_the_highest_rank_within_a_budget(method, shape, share):
    stack = drawn(*shape)
    decomposed = {"tucker": tucker, "cp": cp}[method]

    def size(rank):
        found = decomposed(stack, rank)
        return sum(each.numel() for each in (found.wide, found.cores, found.narrow))

    rank = rank_by_budget(stack, method, share)
    assert size(rank) <= share * stack.numel() < size(rank + 1)


def test_a_budget_for_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"no rank fits a budget of 0\.01; choose a higher one"):
        rank_by_budget(drawn(2, 8, 8), "cp", 0.01)


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_ranks_change_nothing(family):
    model = tiny_model(layers=2, labels=LABELS, family=family)
    same = with_factors(model, {kind: tucker(stack, 64) for kind, stack in stacks(model).items()})
    torch.testing.assert_close(outputs(same, TEXT), outputs(model, TEXT), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ["tucker", "cp"])
def test_factors_are_written_once_read_again_and_stay_shared(family, method, tmp_path):
    model = tiny_model(layers=3, labels=LABELS, family=family)
    thin, _ = Tensorize(method, 0.4).run(model, context(tmp_path))
    count = sum(p.numel() for p in thin.network.parameters())
    whole = sum(stack.numel() for stack in stacks(model).values())
    assert 0.6 * whole <= sum(p.numel() for p in model.network.parameters()) - count < 0.7 * whole
    (tmp_path / "new").mkdir()
    thin.save(tmp_path / "new")
    assert (tmp_path / "new" / "model.safetensors").stat().st_size < 4 * count + 20_000
    again = load_model(tmp_path / "new")
    torch.testing.assert_close(outputs(again, TEXT), outputs(thin, TEXT))
    trained, _ = Finetune(schedule=QUICK).run(again, context(tmp_path))
    assert not torch.equal(outputs(trained, TEXT), outputs(thin, TEXT))
    weights = trained.network.state_dict()
    query = {name: value for name, value in weights.items() if "query." in name or "q_lin." in name}
    shared = [name for name in query if ".0.weight" in name or ".2.weight" in name]
    assert len(shared) == 6
    for name in query:
        alike = torch.equal(query[name], query[name.replace("layer.1.", "layer.0.", 1)])
        assert alike == (name in shared or "layer.1." not in name)
    assert sum(p.numel() for p in copy.deepcopy(trained.network).parameters()) == count


@pytest.mark.parametrize("method", ["tucker", "cp"])
def test_a_graph_says_the_same(method, tmp_path):
    thin, _ = Tensorize(method).run(tiny_model(layers=2, labels=LABELS), context(tmp_path))
    export_onnx(thin, tmp_path / "graph")
    assert parity(load_onnx(tmp_path / "graph"), thin, SENTENCES).differing == 0


def test_layers_that_cannot_be_stacked_are_refused(tmp_path):
    where = context(tmp_path)
    model = tiny_model(layers=2, labels=LABELS)
    thin, _ = Tensorize().run(model, where)
    for other in (thin, slim_model(), share_layers(model, "all")):
        with pytest.raises(ConfigError, match="shared or of low rank already"):
            Tensorize().run(other, where)
    with pytest.raises(ConfigError, match="layers differ in shape"):
        Tensorize().run(keep_parts(model, "units", [torch.arange(8), torch.arange(9)]), where)
    with pytest.raises(ConfigError, match="the layers are shared; leave some out before that"):
        TruncateLayers(layers=(0,)).run(thin, where)
    with pytest.raises(ConfigError, match="shared already"):
        share_layers(thin, "all")


@pytest.mark.parametrize("stacked", [{"query": [2, 2, 2]}, {"query": 3}, {"nobody": [2]}, {"query": [0]}, [1]])
def test_factors_that_cannot_be_are_refused(stacked, tmp_path):
    Tensorize().run(tiny_model(layers=2, labels=LABELS), context(tmp_path))[0].save(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["slim"]["stacked"] = stacked
    path.write_text(json.dumps(config))
    with pytest.raises(DataError, match=r"config\.json: slim\.stacked"):
        Slim.read(config["slim"])
