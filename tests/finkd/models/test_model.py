import json

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForTokenClassification,
    AutoTokenizer,
    pipeline,
)

from finkd.corpora.errors import ConfigError, DataError
from finkd.models.config_file import positions
from finkd.models.heads import check_masked_head, factored_mlm_logits, with_head, with_masked_head
from finkd.models.loading import load_model
from finkd.models.model import Model
from tests.finkd.toys import LABELS, outputs, tiny_model
from tests.toys import FAMILIES, handmade, wordpiece_uncased

pytestmark = pytest.mark.slow

TEXT = "Acme Corp. agreed."
ROBERTAS = ["camembert", "data2vec-text", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"]
OTHERS = ["bert", "distilbert", "esm", "longformer", "luke", "mpnet"]


def test_a_copy_has_weights_and_a_configuration_of_its_own():
    model = tiny_model(labels=LABELS)
    copy = model.copied()
    assert (copy.tokenizer, copy.labels) == (model.tokenizer, model.labels)
    copy.network.config.pad_token_id = 5
    with torch.no_grad():
        copy.embeddings.weight.zero_()
    assert model.network.config.pad_token_id != 5
    assert model.embeddings.weight.any()


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
@pytest.mark.parametrize("labels", [(), LABELS])
def test_saved_and_loaded_it_is_the_same(tmp_path, family, labels):
    model = tiny_model(family=family, labels=labels)
    model.save(tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.labels == labels
    assert loaded.tokenizer.fingerprint == model.tokenizer.fingerprint
    assert torch.equal(outputs(loaded, TEXT), outputs(model, TEXT))


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_transformers_reads_what_is_saved(tmp_path, family):
    model = tiny_model(FAMILIES[family](), labels=LABELS)
    model.save(tmp_path)
    network = AutoModelForTokenClassification.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer(TEXT)["input_ids"] == model.tokenizer.encode([TEXT]).ids.tolist()
    assert tokenizer.model_max_length == model.max_length
    assert network.config.id2label == dict(enumerate(LABELS))
    with torch.inference_mode():
        logits = network(**tokenizer(TEXT, return_tensors="pt")).logits[0]
    torch.testing.assert_close(logits, outputs(model, TEXT))


def test_a_pipeline_of_transformers_finds_what_finkd_scores(tmp_path):
    model = tiny_model(labels=LABELS)
    model.save(tmp_path)
    tokens = model.tokenizer.encode([TEXT])
    best = [LABELS[label] for label in outputs(model, TEXT).argmax(dim=1)]
    expected = [
        (label, start, end)
        for label, start, end in zip(best, tokens.starts, tokens.ends, strict=True)
        if label != "O" and start < end
    ]
    found = pipeline("ner", model=str(tmp_path))(TEXT)
    assert expected
    assert [(each["entity"], each["start"], each["end"]) for each in found] == expected


def test_a_new_head_depends_on_the_seed_alone_and_leaves_all_else_alone():
    encoder = tiny_model()
    state = torch.get_rng_state()
    heads = [with_head(encoder, LABELS, seed) for seed in (1, 1, 2)]
    assert torch.equal(heads[0].tagging_head.weight, heads[1].tagging_head.weight)
    assert not torch.equal(heads[0].tagging_head.weight, heads[2].tagging_head.weight)
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(heads[0].encoder.state_dict(), encoder.network.state_dict(), rtol=0, atol=0)
    assert len(encoder.network.config.id2label) == 2


def test_a_head_is_kept_for_the_same_labels_and_refused_for_others():
    tagger = tiny_model(labels=LABELS)
    assert with_head(tagger, LABELS, 9) is tagger
    with pytest.raises(ConfigError, match="do not match the corpus"):
        with_head(tagger, ("O", "B-LOC", "I-LOC"), 9)


def test_half_precision_weights_are_trained_in_full(tmp_path):
    model = tiny_model()
    model.network.half()
    model.save(tmp_path)
    loaded = load_model(tmp_path)
    assert {parameter.dtype for parameter in with_head(loaded, LABELS, 0).network.parameters()} == {torch.float32}


@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta"])
def test_a_masked_lm_head_is_tied_saved_and_read_again(family, tmp_path):
    model = with_masked_head(tiny_model(family=family), seed=1)
    assert model.has_masked_head
    assert model.network.get_output_embeddings().weight is model.embeddings.weight
    assert with_masked_head(model, seed=2) is model
    ids = torch.tensor([[2, 7, 9, 3]])
    with torch.inference_mode():
        whole = model.network(input_ids=ids).logits[0]
        states = model.encoder(input_ids=ids).last_hidden_state[0, 1:3]
        torch.testing.assert_close(factored_mlm_logits(model.network, states).logits(), whole[1:3])
    model.save(tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.has_masked_head
    torch.testing.assert_close(loaded.network.state_dict(), model.network.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["mobilebert", "eurobert", "esm", "reformer", "electra"])
def test_a_masked_lm_head_of_other_parts_is_refused(kind):
    config = AutoConfig.for_model(kind, num_hidden_layers=1, **{"esm": {"vocab_size": 60}}.get(kind, {}))
    with torch.device("meta"):
        network = AutoModelForMaskedLM.from_config(config)
    with pytest.raises(ConfigError, match=f"the masked-LM head of '{kind}' cannot be used"):
        check_masked_head(network)


def test_a_masked_lm_head_makes_way_for_labels():
    model = with_masked_head(tiny_model(), seed=1)
    tagger = with_head(model, LABELS, 0)
    assert not tagger.has_masked_head
    torch.testing.assert_close(tagger.encoder.state_dict(), model.encoder.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("pad", [0, 1, 3])
@pytest.mark.parametrize("name", [*OTHERS, *ROBERTAS])
def test_a_text_of_the_greatest_length_runs_and_one_more_token_does_not(name, pad):
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    ids = {"vocab_size": 60, "pad_token_id": pad, "bos_token_id": 2, "eos_token_id": 2}
    odd = {"longformer": {"attention_window": 4}, "xmod": {"languages": ["en_XX"], "default_language": "en_XX"}}
    config = AutoConfig.for_model(name, max_position_embeddings=40, **sizes, **ids, **odd.get(name, {}))
    model = Model(AutoModel.from_config(config).eval(), wordpiece_uncased())
    longest = model.max_length
    assert longest == positions(config.to_dict())
    given = torch.full((1, longest + 1), 5)
    with torch.inference_mode():
        model.network(input_ids=given[:, 1:], attention_mask=torch.ones_like(given[:, 1:]))
        with pytest.raises((IndexError, RuntimeError)):
            model.network(input_ids=given, attention_mask=torch.ones_like(given))


@pytest.mark.parametrize("wrong", ["LABEL_{}", "B-", "I-", "ORG-B{}", "b-ORG{}"])
def test_labels_that_are_not_iob2_are_refused(tmp_path, wrong):
    model = tiny_model(labels=LABELS)
    model.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["id2label"] = {"0": "O", **{str(i): wrong.format(i) for i in range(1, len(LABELS))}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="id2label: expected IOB2 labels"):
        load_model(tmp_path)


def test_a_type_that_could_never_begin_is_refused(tmp_path):
    tiny_model(labels=("O", "B-ORG", "I-ORG", "I-PER")).save(tmp_path)
    with pytest.raises(ConfigError, match="found I-PER without B-PER, so that no such entity could begin"):
        load_model(tmp_path)


def test_damaged_weights_are_named(tmp_path):
    tiny_model().save(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"model\.safetensors cannot be read"):
        load_model(tmp_path)


def test_a_tokenizer_larger_than_the_embeddings_is_refused(tmp_path):
    tiny_model(FAMILIES["wordpiece_uncased"]()).save(tmp_path)
    FAMILIES["bpe"]().write(tmp_path, 512)
    with pytest.raises(ConfigError, match="the model only"):
        load_model(tmp_path)


def test_a_tokenizer_without_a_mask_token_gets_no_masked_head():
    with pytest.raises(ConfigError, match="'bare' has no mask token"):
        with_masked_head(tiny_model(handmade("bare", "the", "bank")), seed=1)
