"""What a saved encoder is like, read without loading it."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from finkd.corpora.errors import ConfigError, DataError
from finkd.models.families import FAMILIES
from finkd.models.shape import parameters_and_embeddings, read_shape
from finkd.models.spec import ModelSpec
from finkd.models.vocabulary_replacement import replace_vocabulary
from finkd.stages.low_rank import Factorize
from finkd.stages.replace_vocabulary import ReplaceVocabulary
from finkd.stages.truncate_layers import TruncateLayers
from tests.finkd.toys import tiny_model
from tests.toys import trained, wordpiece_uncased


def test_weights_may_lie_in_several_files_and_positions_are_none(tmp_path):
    save_file({"e.word_embeddings.weight": torch.zeros(7, 3)}, tmp_path / "model-1.safetensors")
    save_file({"bias": torch.zeros(5), "e.position_ids": torch.zeros(1, 9)}, tmp_path / "model-2.safetensors")
    parts = {"e.word_embeddings.weight": "model-1.safetensors", "bias": "model-2.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    assert parameters_and_embeddings(tmp_path) == (26, (7, 3))


def test_a_second_copy_of_the_weights_is_not_counted(tmp_path):
    embeddings = {"e.word_embeddings.weight": torch.zeros(7, 3)}
    save_file(embeddings, tmp_path / "model.safetensors")
    save_file({name: weight.half() for name, weight in embeddings.items()}, tmp_path / "model.fp16.safetensors")
    assert parameters_and_embeddings(tmp_path) == (21, (7, 3))


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no word embeddings"):
        parameters_and_embeddings(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 20)
    with pytest.raises(DataError, match=r"model\.safetensors: not a readable"):
        parameters_and_embeddings(tmp_path)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_the_shape_of_an_encoder_is_read_without_loading_it(family, tmp_path):
    model = tiny_model(family=family)
    model.save(tmp_path)
    shape = read_shape(tmp_path)
    config = model.encoder.config
    assert shape.parameters == sum(p.numel() for p in model.network.parameters())
    assert (shape.entries, shape.rank) == model.embeddings.weight.shape
    assert (shape.width, shape.layers, shape.heads, shape.positions) == (32, 2, 2, model.max_length)
    assert shape.intermediate == (config.hidden_dim if family == "distilbert" else config.intermediate_size)


@pytest.mark.parametrize("family", ["bert", "modernbert"])
def test_every_matrix_of_a_layer_costs_two_operations_for_each_weight(family, tmp_path):
    model = FAMILIES[family].tiny(wordpiece_uncased())
    model.save(tmp_path)
    inside = (weight for name, weight in model.network.named_parameters() if "layer" in name and "norm" not in name)
    weights = sum(weight.numel() for weight in inside if weight.ndim == 2)
    assert read_shape(tmp_path).flops_per_token(np.zeros(1)) == 2 * weights


def test_a_configuration_without_a_shape_is_refused(tmp_path):
    (tmp_path / "broken").mkdir()
    tiny_model().save(tmp_path / "broken")
    broken = '{"model_type": "bert", "max_position_embeddings": 8, "n_layers": "two"}'
    (tmp_path / "broken" / "config.json").write_text(broken)
    with pytest.raises(ConfigError, match=r"config\.json: n_layers: found \"two\"; expected a whole"):
        read_shape(tmp_path / "broken")


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_the_weights_after_each_stage_are_counted_nearly_right(family, tmp_path):
    model = tiny_model(family=family, width=64, layers=3)
    model.save(tmp_path)
    spec = ModelSpec.of(str(tmp_path))
    stages = [TruncateLayers((0, 2)), TruncateLayers((0,), width=32), ReplaceVocabulary(size=120)]
    stages += [Factorize(8)] if family == "bert" else []
    for stage in stages:
        spec = stage.validate(spec)
        model = changed(stage, model)
        assert spec.shape.parameters == pytest.approx(model.network.num_parameters(), rel=0.05)


def changed(stage, model):
    """The model after a stage, without an experiment around it."""
    if isinstance(stage, ReplaceVocabulary):
        return replace_vocabulary(model, trained("wordpiece", True, 120))
    return stage.run(model, None)[0]
