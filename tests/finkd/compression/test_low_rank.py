"""Low-rank factorization: singular values, ranks by energy and by budget, second moments of inputs."""

from dataclasses import replace

import pytest
import torch

from finkd.compression.low_rank import (
    Decomposition,
    decompose,
    matrices,
    moments,
    ranks_by_budget,
    ranks_by_energy,
)
from finkd.compression.sharing import share_layers
from finkd.corpora.errors import ConfigError
from finkd.models.spec import ModelSpec
from finkd.stages.low_rank import Decompose
from finkd.stages.sharing import TieLayers
from tests.finkd.models.layer_overrides import FAMILIES, slim_model
from tests.finkd.toys import LABELS, SENTENCES, context, ner_data, tiny_model


def test_the_best_of_a_rank_loses_the_other_singular_values():
    weight = torch.randn(7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    narrow, wide = decompose(weight).truncated(2)
    lost = torch.linalg.svdvals(weight)[2:].square().sum()
    torch.testing.assert_close((weight - wide @ narrow).square().sum(), lost)
    narrow, wide = decompose(weight).truncated(5)
    torch.testing.assert_close(wide @ narrow, weight)


def test_what_is_read_decides_what_is_lost():
    random = torch.Generator().manual_seed(2)
    weight = torch.randn(6, 6, dtype=torch.float64, generator=random)
    read = torch.randn(500, 6, dtype=torch.float64, generator=random) * torch.tensor([9.0, 7, 1, 1, 0.1, 0.1])
    moment = read.T @ read / len(read)

    def lost(found):
        narrow, wide = found.truncated(2)
        return ((weight - wide @ narrow) @ read.T).square().sum() / len(read)

    seen = decompose(weight, moment)
    assert lost(seen) < lost(decompose(weight))
    torch.testing.assert_close(lost(seen), seen.values[2:].square().sum(), rtol=1e-3, atol=1e-6)
    narrow, wide = seen.truncated(6)
    torch.testing.assert_close(wide @ narrow, weight)


def test_inputs_that_span_nothing_do_no_harm():
    weight = torch.eye(3)
    found = decompose(weight, torch.zeros(3, 3))
    assert all(torch.isfinite(each).all() for each in found.truncated(2))


def made(values, out=10, into=10):
    return Decomposition(torch.zeros(out, len(values)), torch.tensor(values), torch.zeros(len(values), into))


def test_ranks_by_energy_by_hand():
    assert ranks_by_energy({"a": made([4.0, 3.0, 0.0])}, 0.64) == {"a": 1}
    assert ranks_by_energy({"a": made([4.0, 3.0, 0.0])}, 0.65) == {"a": 2}
    assert ranks_by_energy({"b": made([1.0] * 10)}, 0.9) == {}  # nine of ten ranks would cost more than the matrix


def test_ranks_by_budget_by_hand():
    found = {"steep": made([10.0, 1.0, 0.1, 0.1]), "flat": made([1.0, 1.0, 1.0, 1.0])}
    # 200 parameters; 0.4 of them are 80, and a rank costs 20: one for each matrix, and two more where they gain most.
    assert ranks_by_budget(found, 0.4) == {"steep": 1, "flat": 3}
    assert ranks_by_budget(found, 0.2) == {"steep": 1, "flat": 1}
    with pytest.raises(ConfigError, match=r"compress:decompose: no rank fits a budget of 0\.1; choose a higher one"):
        ranks_by_budget(found, 0.1)


@pytest.mark.parametrize("family", FAMILIES)
def test_moments_are_those_of_what_is_read(family):
    model = tiny_model(labels=LABELS, family=family)
    data = ner_data(SENTENCES, model)
    found = moments(model, data, 64, 1)
    again = moments(model, data, 1000, 2)
    assert set(found) == set(matrices(model))
    torch.testing.assert_close(found, again, rtol=1e-4, atol=1e-6)  # whatever the batches and their padding
    assert found["0.lowered"].shape == (64, 64)
    torch.testing.assert_close(found["0.query"], found["0.value"])


def test_a_budget_is_kept(tmp_path):
    model = tiny_model(layers=3, labels=LABELS)
    whole = sum(matrix.weight.numel() for matrix in matrices(model).values())
    thin, _ = Decompose(budget=0.5).run(model, context(tmp_path))
    saved = sum(p.numel() for p in model.network.parameters()) - sum(p.numel() for p in thin.network.parameters())
    assert 0.5 * whole <= saved <= 0.55 * whole
    with pytest.raises(ConfigError, match="no matrix would become smaller"):
        Decompose(rank=40).run(model, context(tmp_path))
    with pytest.raises(ConfigError, match="needs a labelled corpus to read"):
        Decompose(rank=4).run(model, replace(context(tmp_path), train=()))
    for stage in (Decompose(rank=4, read="weights"), Decompose(energy=0.5, read="text")):
        assert stage.run(model, context(tmp_path))[0].slim.ranks


def test_what_cannot_be_decomposed_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="shared or of low rank already; decompose whole ones"):
        Decompose(rank=2).run(slim_model(), context(tmp_path))
    for settings in ({}, {"rank": 2, "energy": 0.5}, {"rank": 2, "budget": 0.5, "energy": 0.3}):
        with pytest.raises(ConfigError, match="expected one of rank, energy and budget"):
            Decompose(**settings).validate(ModelSpec())


def test_thin_matrices_are_shared_if_their_ranks_are_alike(tmp_path):
    model, where = tiny_model(layers=3, labels=LABELS), context(tmp_path)
    thin, _ = Decompose(rank=4).run(model, where)
    assert TieLayers(start="first").run(thin, where)[0].slim.shared == "all"
    thin, _ = Decompose(budget=0.5).run(model, where)
    with pytest.raises(ConfigError, match=r"differ in the ranks of their matrices; decompose with one for all \(rank"):
        TieLayers(start="first").run(thin, where)


@pytest.mark.parametrize("start", ["mean", "first"])
def test_shared_weights_begin_as_said(start):
    model = tiny_model(layers=3)
    weights = [layer.output.dense.weight for layer in model.layers]
    shared = share_layers(model, "all", start).layers[2].output.dense.weight
    torch.testing.assert_close(shared, weights[0] if start == "first" else torch.stack(weights).mean(0))
