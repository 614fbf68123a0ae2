"""Models that are given the case of words: the same before training, loadable by transformers, exported with it."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForTokenClassification

from finkd.compression.embedding_factorization import factorize
from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.export.onnx_export import export_onnx
from finkd.export.onnx_tagger import load_onnx, parity
from finkd.inference.tagger import sentence_logits
from finkd.models.case_embeddings import embed_case
from finkd.models.loading import load_model
from finkd.models.truncation import without_token_types
from finkd.models.vocabulary_replacement import replace_vocabulary
from finkd.tokenization.casing import CASES
from tests.finkd.toys import LABELS, SENTENCES, tiny_model
from tests.toys import wordpiece_cased

UPPER, LOWER = (Sentence.from_words(words) for words in (["ACME", "paid", "Acme"], ["acme", "paid", "acme"]))


@pytest.fixture(scope="module", params=["bert", "roberta"])
def model(request):
    """A tagger whose embeddings of cases differ."""
    made = embed_case(tiny_model(labels=LABELS, family=request.param))
    with torch.no_grad():
        made.encoder.embeddings.token_type_embeddings.weight.normal_()
    return made


def logits(model, *sentences):
    return np.concatenate(list(sentence_logits(sentences, model)))


def test_case_changes_nothing_before_it_is_learned():
    plain = tiny_model(labels=LABELS)
    before = plain.encoder.embeddings.token_type_embeddings.weight.shape
    np.testing.assert_allclose(logits(embed_case(plain), *SENTENCES), logits(plain, *SENTENCES), atol=1e-6)
    assert plain.encoder.embeddings.token_type_embeddings.weight.shape == before
    np.testing.assert_array_equal(logits(plain, UPPER), logits(plain, LOWER))


def test_narrow_embeddings_hold_case(model):
    if model.network.config.model_type != "bert":
        pytest.skip("finkd makes the embeddings of a BERT narrow alone")
    narrow = factorize(model, 8)
    assert narrow.encoder.embeddings.token_type_embeddings.weight.shape == (len(CASES), 8)
    assert np.abs(logits(narrow, UPPER) - logits(narrow, LOWER)).max() > 1e-4


def test_case_is_read_and_survives_saving_and_another_vocabulary(model, tmp_path):
    assert np.abs(logits(model, UPPER) - logits(model, LOWER)).max() > 1e-4
    (tmp_path / "saved").mkdir()
    model.save(tmp_path / "saved")
    again = load_model(tmp_path / "saved")
    assert again.tokenizer.gives_case
    assert again.tokenizer.fingerprint == model.tokenizer.fingerprint
    np.testing.assert_array_equal(logits(again, UPPER), logits(model, UPPER))
    assert replace_vocabulary(again, wordpiece_cased()).tokenizer.gives_case


def test_transformers_loads_it_and_reads_all_words_as_of_no_case(model, tmp_path):
    model.save(tmp_path)
    network = AutoModelForTokenClassification.from_pretrained(tmp_path)
    ids = torch.from_numpy(model.tokenizer.encode(["paid"]).ids).long()[None]
    with torch.inference_mode():
        expected = model.network(input_ids=ids, token_type_ids=torch.zeros_like(ids)).logits
        torch.testing.assert_close(network(input_ids=ids).logits, expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "onnx-int8"])
def test_graphs_are_given_case(kind, tmp_path):
    model = embed_case(tiny_model(labels=LABELS, width=64))
    with torch.no_grad():
        model.encoder.embeddings.token_type_embeddings.weight.normal_()
    export_onnx(model, tmp_path / "graph", kind)
    graph = load_onnx(tmp_path / "graph")
    found = parity(graph, model, [UPPER, LOWER, *SENTENCES])
    assert found.largest < (1e-5 if kind == "onnx" else 0.05)
    assert np.abs(logits(graph, UPPER) - logits(graph, LOWER)).max() > 1e-3


def test_models_that_have_no_room_for_case_are_refused():
    with pytest.raises(ConfigError, match="needs a model with token types"):
        embed_case(tiny_model(family="distilbert"))
    with pytest.raises(ConfigError, match="is given the case of words by them"):
        without_token_types(embed_case(tiny_model()))
    with pytest.raises(ConfigError, match="given the case of words already"):
        embed_case(embed_case(tiny_model()))


def test_a_tokenizer_that_gives_case_to_a_model_without_room_for_it_is_refused(tmp_path):
    plain = tiny_model(labels=LABELS)
    plain.save(tmp_path)
    plain.tokenizer.giving_case().write(tmp_path, plain.max_length)
    with pytest.raises(ConfigError, match="gives the case of words, 6 token types; the model has only 2"):
        load_model(tmp_path)
