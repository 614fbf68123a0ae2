"""What every stage in the registry owes: a new one is tested by its registry line alone."""

import copy
import dataclasses
import json

import pytest
import torch

from finkd.models.loading import load_model
from finkd.settings import build
from finkd.stages import stages
from tests.finkd.toys import LABELS, context, outputs, spec_of, tiny_model

pytestmark = pytest.mark.slow

# Defaults made for real models and corpora, cut down to toys; a stage that needs nothing of this kind is not listed.
SMALL = {
    "truncate-layers": {"layers": [0, 2]},
    "replace-vocabulary": {"size": 200},
    "replace-head": {"head": "drop"},
    "compress:factorize": {"rank": 8},
    "compress:decompose": {"rank": 8},
    "compress:prune": {"by": "magnitude"},
    "compress:sparsify": {"schedule": {"epochs": 0}},
    "compress:quantize": {"by": "uniform", "schedule": {"epochs": 0}},
    "select": {"on": "text", "by": ["quality"]},
    "adapt": {"on": "gold", "schedule": {"epochs": 1, "batch_tokens": 64}},
    "distill": {"on": "gold", "schedule": {"epochs": 1, "batch_tokens": 64}},
    "finetune": {"schedule": {"epochs": 1, "batch_tokens": 64}},
    "task-distill": {"schedule": {"epochs": 1, "batch_tokens": 64}},
}
TAGGERS = {"calibrate"}
"""Stages that only a tagger can be given."""
TEXT = "The Borrower shall pay interest to Acme Corp."


@pytest.fixture(params=list(stages))
def stage(request):
    return build(stages.get(request.param), SMALL.get(request.param, {}), request.param)


@pytest.fixture
def model(request):
    """What the stage is given."""
    return tiny_model(layers=3, labels=LABELS if request.node.callspec.params["stage"] in TAGGERS else ())


def test_its_settings_and_what_it_depends_on_are_json(stage, tmp_path):
    assert isinstance(stage.version, int)
    where = context(tmp_path)
    material = [dataclasses.asdict(stage), stage.cache_inputs(where)]
    assert json.dumps(material) == json.dumps([dataclasses.asdict(stage), stage.cache_inputs(context(tmp_path))])
    assert not where.store.root.exists()


RESOLVED = {"losses", "teacher", "transfer", "tokenizer", "general", "protect_file"}
"""Settings that name something, whose place in the address is taken by what they name."""


def test_it_depends_on_nothing_that_is_called_like_another_setting(stage, tmp_path):
    settings = {field.name for field in dataclasses.fields(stage)}
    assert settings & set(stage.cache_inputs(context(tmp_path))) <= RESOLVED


def test_it_leaves_the_given_model_alone(stage, model, tmp_path):
    before = copy.deepcopy(model.network.state_dict())
    config = model.network.config.to_dict()
    result, tokens = stage.run(model, context(tmp_path))
    assert tokens >= 0
    torch.testing.assert_close(model.network.state_dict(), before, rtol=0, atol=0)
    assert model.network.config.to_dict() == config
    shared = {p.data_ptr() for p in model.network.parameters()} & {p.data_ptr() for p in result.network.parameters()}
    assert shared == set()


@pytest.mark.parametrize("labels", [(), LABELS])
def test_it_says_before_what_its_model_is(stage, model, labels, tmp_path):
    model = tiny_model(layers=3, labels=labels or model.labels)
    spec = stage.validate(spec_of(model, tmp_path / "before"))
    result, _ = stage.run(model, context(tmp_path))
    assert result.labels == spec.labels
    assert result.has_masked_head == (spec.head == "words")
    found = spec_of(result, tmp_path / "after")
    assert (found.head, found.has_mask_token) == (spec.head, spec.has_mask_token)
    assert (found.shape.layers, found.shape.width, found.shape.rank) == (
        *(spec.shape.layers, spec.shape.width),
        spec.shape.rank,
    )


def test_its_result_is_the_same_after_saving(stage, model, tmp_path):
    result, _ = stage.run(model, context(tmp_path))
    folder = tmp_path / "saved"
    folder.mkdir()
    result.save(folder)
    torch.testing.assert_close(outputs(load_model(folder), TEXT), outputs(result, TEXT), rtol=0, atol=0)


def test_equal_seeds_give_equal_bits(stage, model, tmp_path):
    runs = []
    for name in ("one", "two"):
        torch.manual_seed(len(runs))  # whatever ran before must not show
        result, _ = stage.run(model, context(tmp_path / name, seed=3))
        runs.append(result.network.state_dict())
    torch.testing.assert_close(*runs, rtol=0, atol=0)
