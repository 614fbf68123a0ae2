"""Tensor decomposition of stacked layers: approximation, size, and sharing of factors."""

import copy

import pytest
import torch

from finkd.compression.low_rank import decompose, matrices, with_ranks
from finkd.compression.sharing import cp, rank_by_budget, stacks, tucker, with_factors
from finkd.corpora.errors import DataError
from finkd.export.onnx_export import export_onnx
from finkd.export.onnx_tagger import load_onnx, parity
from finkd.models.layer_overrides import Slim
from finkd.models.loading import load_model
from finkd.stages.finetune import Finetune
from finkd.stages.sharing import Tensorize, TieLayers
from tests.finkd.models.layer_overrides import FAMILIES, TEXT
from tests.finkd.toys import LABELS, QUICK, SENTENCES, context, outputs, tiny_model

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_ranks_change_nothing(family):
    model = tiny_model(layers=2, labels=LABELS, family=family)
    found = {name: decompose(matrix.weight) for name, matrix in matrices(model).items()}
    for same in (
        with_factors(model, {kind: tucker(stack, 64) for kind, stack in stacks(model).items()}),
        with_ranks(model, found, dict.fromkeys(found, 32)),
    ):
        torch.testing.assert_close(outputs(same, TEXT), outputs(model, TEXT), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["tucker", "cp"])
def test_a_graph_says_the_same(method, tmp_path):
    thin, _ = Tensorize(method).run(tiny_model(layers=2, labels=LABELS), context(tmp_path))
    export_onnx(thin, tmp_path / "graph")
    assert parity(load_onnx(tmp_path / "graph"), thin, SENTENCES).differing == 0


@pytest.mark.parametrize("stacked", [{"query": [2, 2, 2]}, {"query": 3}, {"nobody": [2]}, {"query": [0]}, [1]])
def test_factors_that_cannot_be_are_refused(stacked):
    with pytest.raises(DataError, match=r"config\.json: slim\.stacked"):
        Slim.read({"stacked": stacked})


STAGES = {
    **{what: TieLayers(what) for what in ("all", "attention", "feed-forward")},
    **{method: Tensorize(method, 0.4) for method in ("tucker", "cp")},
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("how", list(STAGES))
def test_what_is_shared_is_written_once_and_stays_one(family, how, tmp_path):
    model = tiny_model(layers=3, labels=LABELS, family=family)
    alike, _ = STAGES[how].run(model, context(tmp_path))
    count = sum(p.numel() for p in alike.network.parameters())
    saved = sum(p.numel() for p in model.network.parameters()) - count
    whole = sum(stack.numel() for stack in stacks(model).values())
    assert 0.6 * whole <= saved < 0.7 * whole if how in ("tucker", "cp") else saved > 0
    (tmp_path / "new").mkdir()
    alike.save(tmp_path / "new")
    assert (tmp_path / "new" / "model.safetensors").stat().st_size < 4 * count + 20_000
    again = load_model(tmp_path / "new")
    torch.testing.assert_close(outputs(again, TEXT), outputs(alike, TEXT))
    trained, _ = Finetune(schedule=QUICK).run(again, context(tmp_path))
    assert not torch.equal(outputs(trained, TEXT), outputs(alike, TEXT))
    weights = trained.network.state_dict()
    first = {name: value for name, value in weights.items() if ".layer.0." in name}
    same = {name for name in first if torch.equal(first[name], weights[name.replace(".0.", ".2.", 1)])}
    if how in ("tucker", "cp"):
        assert {name for name in first if name.endswith((".0.weight", ".2.weight"))} == same
        assert len(same) == 12
    else:
        assert same == set(first) if how == "all" else 0 < len(same) < len(first)
    assert sum(p.numel() for p in copy.deepcopy(trained.network).parameters()) == count
