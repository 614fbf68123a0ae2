"""Model folders are refused by file and key before anything is built from them."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from finkd.corpora.errors import ConfigError, DataError
from finkd.models.config_file import MIN_LENGTH, positions, read_config
from finkd.models.loading import load_model
from finkd.models.weight_files import check_described, held, weight_files
from tests.finkd.toys import LABELS, tiny_model


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tagger")
    tiny_model(labels=LABELS).save(folder)
    return folder


@pytest.fixture
def folder(tagger, tmp_path):
    for path in tagger.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def change(folder, **entries):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null", "found null; expected a JSON object"),
        ("{", "not valid JSON"),
        (r'{"a": "\ud800"}', "not valid JSON .found half a surrogate pair"),
        ('{"a": 1, "a": 2}', "not valid JSON .found the key 'a' twice"),
        ('{"a": NaN}', "not valid JSON .*found NaN"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "not valid JSON"),
        ('{"a": ' + "[" * 60 + "]" * 60 + "}", "not valid JSON .*nested more than 32 deep"),
        ('{"a": {"b": 1' + "0" * 30 + "}}", r"a\.b: found 1000.*; expected an integer of up to"),
        ('{"a": 1' + "0" * 5000 + "}", "not valid JSON"),
        (" " * (9 * 2**20), "found 9,437,184 bytes; expected 8,388,608 at most"),
    ],
)
def test_what_is_no_object_is_refused_by_its_file(text, expected, folder):
    (folder / "config.json").write_text(text)
    with pytest.raises(ConfigError, match=rf"config\.json: {expected}") as caught:
        load_model(folder)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"num_hidden_layers": 1_000_000_000}, "num_hidden_layers: found 1000000000; expected a whole number"),
        ({"hidden_size": "32"}, 'hidden_size: found "32"; expected a whole number'),
        ({"hidden_size": 0}, "hidden_size: found 0; expected"),
        ({"hidden_size": 33}, "hidden_size: found 33; expected a multiple of num_attention_heads, which is 2"),
        ({"pad_token_id": 1_000_000}, r"pad_token_id: found 1000000; expected a whole number from 0 to \d+"),
        ({"hidden_act": "gelou"}, 'hidden_act: found "gelou"; expected an activation such as gelu'),
        ({"id2label": list(LABELS)}, r"id2label: found \[.*; expected up to \d+ names"),
        ({"id2label": {"0": "O", "2": "B-ORG"}}, "id2label: 1: found null; expected the name of output 1"),
        ({"id2label": {"0": "O", "1": "B-ORG", "2": "B-ORG"}}, "id2label: found B-ORG twice"),
        ({"num_labels": 3}, r"num_labels: found 3; expected \d+, as id2label has"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, 'quantization_config: found "gptq"; expected'),
        ({"quantization_config": {"load_in_4bit": True}}, "quantization_config: found null; expected"),
        ({"architectures": 5}, "architectures: found 5; expected a list of names"),
        ({"model_type": "evil"}, 'model_type: found "evil", which transformers has not'),
        ({"model_type": None}, "model_type: found null; expected one such as bert"),
        ({"dtype": "load"}, 'dtype: found "load"; expected one of float32'),
        ({"attn_implementation": "someone/kernel"}, 'attn_implementation: found "someone/kernel"; expected one of'),
        ({"transformers_weights": "x.bin"}, "transformers_weights: names another weight file"),
        ({"layer_norm_eps": -1}, "layer_norm_eps: found -1; expected a number above 0"),
        ({"max_position_embeddings": 2}, "max_position_embeddings: found 2; expected a whole number from 4"),
        ({"get_text_config": 5}, '"get_text_config": is no setting of a bert model'),
        ({"hidden_dropout_prob": "x"}, "not a bert model that transformers reads"),
        ({"intermediate_size": 2**20}, r"describes [\d,]+ weights \(2 layers\); the weight files hold [\d,]+"),
    ],
)
def test_values_out_of_range_are_refused_by_their_key(entries, expected, folder):
    change(folder, **entries)
    with pytest.raises(ConfigError, match=expected) as caught:
        load_model(folder)
    assert str(folder / "config.json") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"num_hidden_layers": 1}, r"model\.safetensors holds 2 layers, config\.json describes fewer"),
        ({"intermediate_size": 24}, r"config\.json does not fit model\.safetensors"),
    ],
)
def test_another_network_than_that_of_the_weights_is_refused(entries, expected, folder):
    change(folder, **entries)
    with pytest.raises(DataError, match=expected):
        load_model(folder)


def rewrite(folder, name, change):
    weights = load_file(folder / "model.safetensors")
    weights[name] = change(weights[name])
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        (
            "classifier.weight",
            lambda old: old / 0,
            r"classifier\.weight: .* weights are infinite or not a",
        ),
        (
            "classifier.weight",
            lambda old: old * torch.nan,
            r"classifier\.weight: .* weights are infinite",
        ),
        ("classifier.bias", lambda old: old.to(torch.int8), r"classifier\.bias: found I8; expected one of F64"),
    ],
)
def test_weights_that_are_no_finite_floats_are_named(name, change, expected, folder):
    rewrite(folder, name, change)
    with pytest.raises(DataError, match=expected):
        load_model(folder)


def test_large_weights_are_numbers(folder):
    """Their sum may be infinite where none of them is."""
    rewrite(folder, "classifier.weight", lambda old: torch.full_like(old, 3e38))
    assert load_model(folder).tagging_head.weight[0, 0] == torch.tensor(3e38)


def test_weights_may_lie_in_several_files_of_the_folder_alone(folder):
    weights = load_file(folder / "model.safetensors")
    expected = {name: held(folder / "model.safetensors")[name] for name in weights}
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": dict.fromkeys(weights, "part.safetensors")}))
    assert weight_files(folder) == [folder / "part.safetensors"]
    assert held(folder / "part.safetensors") == expected
    assert load_model(folder).labels == LABELS
    index.write_text(json.dumps({"weight_map": dict.fromkeys(weights, "../part.safetensors")}))
    with pytest.raises(ConfigError, match=r'weight_map: found "\.\./part\.safetensors"; expected names of files in'):
        load_model(folder)


@pytest.mark.parametrize("length", [0, 2**63, 10**9])
def test_the_head_of_a_weight_file_is_bounded(length, folder):
    path = folder / "model.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(DataError, match=r"model\.safetensors: not a readable safetensors file \(its head would have"):
        load_model(folder)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_positions_are_those_of_the_network(family, tmp_path):
    model = tiny_model(labels=LABELS, family=family, positions=40)
    model.save(tmp_path)
    entries = read_config(tmp_path)
    check_described(tmp_path, entries)
    assert positions(entries) == model.max_length == load_model(tmp_path).max_length
    assert positions(entries) >= MIN_LENGTH
