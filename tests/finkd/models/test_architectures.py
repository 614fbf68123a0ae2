"""Networks whose layers differ: saved, loaded by transformers, and trained."""

import json

import pytest
import torch
from transformers import AutoModelForTokenClassification, pipeline

from finkd.compression.sharing import share_layers
from finkd.corpora.errors import ConfigError, DataError
from finkd.models.architectures import register
from finkd.models.heads import with_head, with_masked_head
from finkd.models.layer_overrides import Slim
from finkd.models.loading import load_model
from finkd.stages.task_distill import TaskDistill
from finkd.stages.truncate_layers import TruncateLayers
from tests.finkd.models.layer_overrides import FAMILIES, TEXT, slim_model
from tests.finkd.toys import LABELS, QUICK, context, outputs, tiny_model


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_read_again_as_it_was(family, tmp_path):
    model = slim_model(family)
    model.save(tmp_path)
    torch.testing.assert_close(outputs(load_model(tmp_path), TEXT), outputs(model, TEXT))
    network = AutoModelForTokenClassification.from_pretrained(tmp_path)
    assert type(network) is type(model.network)
    torch.testing.assert_close(network.state_dict(), model.network.state_dict())
    assert Slim.of(network) == Slim((1, 2, 1), (8, 64, 3), {"1.query": 3, "2.lowered": 2})


def test_a_pipeline_of_transformers_reads_it(tmp_path):
    slim_model().save(tmp_path)
    register()
    found = pipeline("ner", model=str(tmp_path), aggregation_strategy="simple")("Acme lent.")
    assert all(each["end"] <= 10 for each in found)


def test_a_new_head_comes_on_the_slim_encoder(tmp_path):
    encoder = slim_model(labels=())
    tagger = with_head(encoder, LABELS, 1)
    assert type(tagger.network).__name__ == "SlimBertForTokenClassification"
    torch.testing.assert_close(tagger.encoder.state_dict(), encoder.encoder.state_dict(), rtol=0, atol=0)
    masked = with_masked_head(encoder, 1)
    masked.save(tmp_path)
    assert load_model(tmp_path).has_masked_head


@pytest.mark.parametrize("family", FAMILIES)
def test_some_of_its_layers_stay_as_they_are(family, tmp_path):
    model = slim_model(family)
    fewer, _ = TruncateLayers(layers=(0, 2)).run(model, context(tmp_path))
    assert Slim.of(fewer.network) == Slim((1, 1), (8, 3), {"1.lowered": 2})
    fewer.save(tmp_path)
    torch.testing.assert_close(outputs(load_model(tmp_path), TEXT), outputs(fewer, TEXT))


def test_attention_of_other_heads_is_not_compared(tmp_path):
    stage = TaskDistill(losses={"chunk-attention": {}}, schedule=QUICK)
    with pytest.raises(ConfigError, match="must have as many heads"):
        stage.run(slim_model(), context(tmp_path))


def test_layers_that_differ_or_are_one_cannot_be_cut(tmp_path):
    with pytest.raises(ConfigError, match=r"truncate-layers\.width: the layers are slim already"):
        TruncateLayers(width=16).run(slim_model(), context(tmp_path))
    with pytest.raises(ConfigError, match="the layers are shared; leave some out before that"):
        TruncateLayers(layers=(0,)).run(share_layers(tiny_model(), "all"), context(tmp_path))


@pytest.mark.parametrize(
    ("slim", "said"),
    [
        (["heads"], "slim: Input should be a dictionary"),
        ({"colour": 1}, r"slim\.colour: Unexpected keyword"),
        ({"shared": "everything"}, r"slim\.shared: Input should be 'nothing', 'all'"),
        ({"heads": [1, 1]}, "slim: expected a number for each of 3 layers"),
        ({"ranks": {"0.query": 0}}, r"slim\.ranks\.0\.query: Input should be greater than 0"),
        ({"units": "abc"}, r"slim\.units: Input should be a valid tuple"),
        ({"heads": [2, 2, 2], "units": [8, 64, 3], "ranks": {}}, "config.json does not fit model.safetensors"),
    ],
)
def test_a_configuration_that_does_not_fit_the_weights_is_refused(slim, said, tmp_path):
    slim_model().save(tmp_path)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "slim": {**config["slim"], **slim} if isinstance(slim, dict) else slim}))
    with pytest.raises(DataError, match=said):
        load_model(tmp_path)
