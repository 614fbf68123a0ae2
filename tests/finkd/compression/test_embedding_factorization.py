"""Narrow embeddings keep what they can and give the same model where nothing has to be lost."""

import pytest
import torch

from finkd.compression.embedding_factorization import factorize
from finkd.compression.pruning import keep_parts
from finkd.corpora.errors import ConfigError
from finkd.losses.embedding import Embedding
from finkd.models.case_embeddings import embed_case
from finkd.models.layer_overrides import Slim
from finkd.models.loading import load_model
from finkd.models.vocabulary_replacement import replace_vocabulary
from finkd.tokenization.casing import CASES
from finkd.training.step import width_map
from tests.finkd.toys import LABELS, SENTENCES, outputs, tiny_model
from tests.toys import bpe

TEXT = SENTENCES[0].text


def of_low_rank(size, **options):
    """A model whose embeddings, each less its mean, lie in ``size`` dimensions; gain and bias are not trivial."""
    model = tiny_model(**options)
    embeddings = model.encoder.embeddings
    generator = torch.Generator().manual_seed(3)
    directions = torch.randn(size, 32, generator=generator)
    with torch.no_grad():
        for table in (embeddings.word_embeddings, embeddings.position_embeddings, embeddings.token_type_embeddings):
            table.weight.copy_(torch.randn(len(table.weight), size, generator=generator) @ directions + 0.5)
        embeddings.LayerNorm.weight.uniform_(0.5, 1.5, generator=generator)
        embeddings.LayerNorm.bias.uniform_(-1, 1, generator=generator)
    return model


@pytest.mark.parametrize("labels", [(), LABELS])
def test_nothing_is_lost_where_the_rank_suffices(labels):
    model = of_low_rank(7, labels=labels)
    narrow = factorize(model, 8)
    assert narrow.embeddings.weight.shape == (len(model.tokenizer), 8)
    torch.testing.assert_close(outputs(narrow, TEXT), outputs(model, TEXT), rtol=1e-4, atol=1e-4)


def test_the_case_of_words_is_kept():
    """Trained rows of the case of words lie in directions of their own."""
    model = embed_case(of_low_rank(7))
    table, generator = model.encoder.embeddings.token_type_embeddings.weight, torch.Generator().manual_seed(4)
    with torch.no_grad():
        table[1:] += torch.randn(len(table) - 1, 3, generator=generator) @ torch.randn(3, 32, generator=generator)
    narrow, ids = factorize(model, 11), torch.tensor([[2, 50, 60, 3]])
    for case in range(len(CASES)):
        given = {"input_ids": ids, "token_type_ids": torch.full_like(ids, case)}
        with torch.inference_mode():
            found, expected = (each.encoder(**given).last_hidden_state for each in (narrow, model))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_more_dimensions_lose_less():
    model = tiny_model()
    expected = outputs(model, TEXT)
    losses = [(outputs(factorize(model, rank), TEXT) - expected).square().mean() for rank in (4, 16, 31)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.05 * losses[0]


def test_parameters_are_saved_and_the_model_is_one_that_transformers_knows(tmp_path):
    model = tiny_model(labels=LABELS)
    narrow = factorize(model, 8)
    saved = sum(p.numel() for p in model.network.parameters()) - sum(p.numel() for p in narrow.network.parameters())
    rows = len(model.tokenizer) + 514 + 2
    # LayerNorm's gain and bias shrink too; the projection, 8 x 32 with a bias of 32, comes on top.
    assert saved == rows * (32 - 8) + 2 * (32 - 8) - (8 * 32 + 32)
    narrow.save(tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.labels == LABELS
    assert loaded.network.config.model_type == "electra"
    torch.testing.assert_close(outputs(loaded, TEXT), outputs(narrow, TEXT))


def test_layers_stay_as_slim_as_they_are(tmp_path):
    whole = of_low_rank(7, labels=LABELS)
    thin = keep_parts(whole, "heads", [torch.tensor([1]), torch.tensor([0])])
    thin = keep_parts(thin, "units", [torch.arange(8), torch.arange(5)])
    narrow = factorize(thin, 8)
    assert Slim.of(narrow.network) == Slim.of(thin.network) == Slim(heads=(1, 1), units=(8, 5))
    torch.testing.assert_close(outputs(narrow, TEXT), outputs(thin, TEXT), rtol=1e-4, atol=1e-4)
    narrow.save(tmp_path)
    torch.testing.assert_close(outputs(load_model(tmp_path), TEXT), outputs(narrow, TEXT))


def test_it_can_change_its_vocabulary_and_has_no_embeddings_to_compare():
    teacher, model = tiny_model(labels=LABELS), replace_vocabulary(factorize(tiny_model(), 8), bpe())
    assert model.embeddings.weight.shape == (len(bpe()), 8)
    for ours, theirs in ((model, teacher), (teacher, model)):
        with pytest.raises(ConfigError, match="cannot compare factorised embeddings"):
            width_map(ours, theirs, Embedding.requires, 1)
