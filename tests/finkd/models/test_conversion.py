"""Folders as older tools left them."""

import json
import pickle

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from finkd.corpora.errors import ConfigError, DataError
from finkd.models.families import FAMILIES
from finkd.models.heads import with_masked_head
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.models.pretrained import resolve
from finkd.models.spec import ModelSpec
from tests.finkd.toys import LABELS, tiny_model
from tests.toys import wordpiece_uncased


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FINKD_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def saved(tmp_path):
    """A tagger's folder, and the tagger."""
    folder, model = tmp_path / "old", tiny_model(labels=LABELS)
    folder.mkdir()
    model.save(folder)
    return folder, model


def old_names(weights):
    """Names of norms as checkpoints converted from TensorFlow have them."""
    replaced = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for new, old in replaced.items():
        weights = {name.replace(new, old): tensor for name, tensor in weights.items()}
    return weights


def assert_same(model, folder):
    loaded = load_model(folder)
    assert loaded.labels == model.labels
    torch.testing.assert_close(loaded.network.state_dict(), model.network.state_dict(), rtol=0, atol=0)
    texts = ["Acme Corp. paid €3.", "naïve Ångström"]
    assert loaded.tokenizer.encode(texts).ids.tolist() == model.tokenizer.encode(texts).ids.tolist()


@pytest.mark.parametrize("parts", [1, 2])
def test_pickled_weights_are_converted_once(saved, parts):
    folder, model = saved
    weights = list(old_names(model.network.state_dict()).items())
    (folder / "model.safetensors").unlink()
    names = ["pytorch_model.bin"] if parts == 1 else ["pytorch_model-1.bin", "pytorch_model-2.bin"]
    for number, name in enumerate(names):
        torch.save(dict(weights[number::parts]), folder / name)
    if parts > 1:
        index = {weight: names[place % parts] for place, (weight, _) in enumerate(weights)}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": index}))
    assert_same(model, folder)
    assert resolve(str(folder)) == resolve(str(folder)) != folder


def test_a_pickle_that_runs_code_is_refused(saved, tmp_path):
    folder, _ = saved
    (folder / "model.safetensors").unlink()

    class Evil:
        def __reduce__(self):
            return (print, ("code was run",))

    with (folder / "pytorch_model.bin").open("wb") as file:
        pickle.dump({"weight": Evil()}, file)
    with pytest.raises(DataError, match=r"pytorch_model\.bin: expected tensors and nothing else"):
        load_model(folder)
    assert not list((tmp_path / "cache/models").iterdir())


def test_a_vocabulary_without_a_fast_tokenizer_is_converted(saved):
    folder, model = saved
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(wordpiece_uncased().vocabulary) + "\n", encoding="utf-8")
    assert_same(model, folder)


def test_a_vocabulary_that_transformers_cannot_read_is_refused(saved):
    folder, _ = saved
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("one\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no tokenizer\.json, and its vocabulary cannot be read"):
        load_model(folder)


@pytest.mark.parametrize(
    ("family", "name"),
    [("bert", "cls.predictions"), ("roberta", "lm_head"), ("distilbert", "vocab_projector")],
)
def test_embeddings_may_be_saved_under_their_tied_name(family, name, tmp_path):
    model = with_masked_head(tiny_model(family=family), 1)
    model.save(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    (embeddings,) = (each for each in weights if "word_embeddings" in each)
    decoder = f"{name}.weight" if family == "distilbert" else f"{name}.decoder.weight"
    weights[decoder] = weights.pop(embeddings)
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    torch.testing.assert_close(load_model(tmp_path).embeddings.weight, model.embeddings.weight, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("family", "head"),
    [("mpnet", "SequenceClassification"), ("mpnet", "QuestionAnswering"), ("albert", "QuestionAnswering")],
)
def test_the_encoder_below_a_head_without_a_pooler_is_read(family, head, tmp_path):
    config = FAMILIES[family].tiny(wordpiece_uncased()).network.config
    network = getattr(transformers, f"{FAMILIES[family].classes}For{head}")(config)
    Model(network.eval(), wordpiece_uncased()).save(tmp_path)
    encoder = load_model(tmp_path).network
    ids = torch.tensor([[2, 20, 30, 3]])
    expected = network.base_model(input_ids=ids).last_hidden_state
    torch.testing.assert_close(encoder(input_ids=ids).last_hidden_state, expected)


def test_an_encoder_whose_configuration_names_a_head_is_an_encoder(tmp_path, caplog):
    """The published all-mpnet-base-v2 says MPNetForMaskedLM and holds no head."""
    folder, model = tmp_path / "bare", tiny_model()
    folder.mkdir()
    model.save(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertForMaskedLM"]}))
    assert_same(model, folder)
    assert ModelSpec.of(str(folder)).head == "none"
    assert "names a head that the weights lack; its encoder is read" in caplog.text
