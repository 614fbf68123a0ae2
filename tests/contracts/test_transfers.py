"""What every embedding transfer promises; a new registry entry is tested without writing a test."""

import copy

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM

from finkd.models import transfers
from finkd.models.families import FAMILIES as ENCODERS
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.models.vocabulary_replacement import replace_vocabulary
from tests.finkd.toys import tiny_model
from tests.toys import FAMILIES, TEXTS

PAIRS = [(old, new) for old in sorted(FAMILIES) for new in sorted(FAMILIES)]
each = pytest.mark.parametrize("name", transfers)
pairs = pytest.mark.parametrize(("old", "new"), PAIRS)


def with_decoder(tokenizer, family="bert", tied=True):
    """A tiny model that scores the vocabulary, with a bias that tells its entries apart."""
    config = copy.deepcopy(tiny_model(tokenizer, family=family).network.config)
    config.tie_word_embeddings = tied
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = AutoModelForMaskedLM.from_config(config).eval()
    with torch.no_grad():
        network.get_input_embeddings().weight[tokenizer.special_ids["pad"]] = 1.0
        network.get_output_embeddings().bias.copy_(torch.linspace(-1, 1, len(tokenizer)))
    return Model(network, tokenizer)


@each
@pairs
def test_rows_are_finite_and_special_tokens_go_by_role(name, old, new):
    """FVT's row of a token that it strips to nothing is NaN on byte-level vocabularies."""
    old, new = FAMILIES[old](), FAMILIES[new]()
    table = np.random.default_rng(0).standard_normal((len(old), 8)).astype(np.float32)
    before = table.copy()
    rows = transfers.get(name)()(old, new, list(TEXTS), 3)(table)
    assert rows.shape == (len(new), 8)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert (np.linalg.norm(rows, axis=1) > 0).all()
    assert np.array_equal(table, before)
    for role, index in new.special_ids.items():
        assert np.array_equal(rows[index], table[old.special_ids[role]])


@each
def test_equal_seeds_give_equal_rows_and_other_seeds_others_only_where_said(name):
    old, new = FAMILIES["roberta"](), FAMILIES["wordpiece_cased"]()
    table = np.random.default_rng(0).standard_normal((len(old), 8)).astype(np.float32)
    transfer = transfers.get(name)()
    one, two, other = (transfer(old, new, list(TEXTS), seed)(table) for seed in (3, 3, 4))
    assert np.array_equal(one, two)
    assert np.array_equal(one, other) is not transfer.needs_seed


@each
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_the_layer_that_scores_the_vocabulary_moves_along(name, family, tied):
    """FVT leaves the masked-LM bias in the old order."""
    teacher = with_decoder(FAMILIES["wordpiece_cased"](), family, tied)
    before = copy.deepcopy(teacher.network.state_dict())
    new = FAMILIES["wordpiece_uncased"]()
    transfer = transfers.get(name)()
    student = replace_vocabulary(teacher, new, transfer, list(TEXTS), 3)
    torch.testing.assert_close(teacher.network.state_dict(), before, rtol=0, atol=0)
    old_layer, layer = (side.network.get_output_embeddings() for side in (teacher, student))
    assert (layer.weight is student.embeddings.weight) is tied
    assert (layer.in_features, layer.out_features) == (32, len(new))
    carry = transfer(teacher.tokenizer, new, list(TEXTS), 3)
    expected = torch.from_numpy(carry(old_layer.bias.detach().numpy()[:, None])[:, 0])
    assert torch.equal(layer.bias, expected)
    logits = student.network(input_ids=torch.tensor([[2, 5, 3]])).logits
    assert logits.shape == (1, 3, len(new))
    biases = [value for key, value in student.network.state_dict().items() if value.shape == (len(new),)]
    assert biases
    assert all(torch.equal(bias, expected) for bias in biases)


@each
def test_a_saved_student_scores_as_before(name, tmp_path):
    student = replace_vocabulary(
        with_decoder(FAMILIES["roberta"](), "roberta"), FAMILIES["bpe"](), transfers.get(name)(), list(TEXTS)
    )
    student.network.save_pretrained(tmp_path)
    loaded = AutoModelForMaskedLM.from_pretrained(tmp_path).eval()
    ids = torch.tensor([[2, 30, 31, 3]])
    torch.testing.assert_close(loaded(ids).logits, student.network(ids).logits, rtol=0, atol=0)


@pytest.mark.parametrize("family", ENCODERS)
def test_a_saved_student_of_each_family_computes_what_it_did(family, tmp_path):
    """MPNet's network takes id 1 for padding, and numbers positions from it on, whatever its configuration says."""
    student = replace_vocabulary(ENCODERS[family].tiny(FAMILIES["roberta"]()), FAMILIES["wordpiece_uncased"]())
    student.save(tmp_path)
    padding = student.tokenizer.special_ids["pad"]
    ids = torch.tensor([[*student.tokenizer.backend.encode("the bank \N{SNOWMAN} lent").ids, padding, padding]])
    mask = (ids != padding).long()
    with torch.inference_mode():
        before, after = (
            each.network(ids, attention_mask=mask)[0][mask.bool()] for each in (student, load_model(tmp_path))
        )
    torch.testing.assert_close(after, before)
