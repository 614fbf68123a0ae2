import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import models

from finkd.corpora.errors import ConfigError
from finkd.tokenization.regularization import RegularizedTokenizer
from finkd.tokenization.tokenizer import Tokenizer
from tests.toys import FAMILIES, TEXTS, handmade

pytestmark = pytest.mark.slow


def covered(tokens):
    """The characters of each text that its tokens cover."""
    found = [np.zeros(length, np.bool_) for length in tokens.lengths]
    for row, into in enumerate(found):
        for at in range(tokens.rows[row], tokens.rows[row + 1]):
            into[tokens.starts[at] : tokens.ends[at]] = True
    return [each.tolist() for each in found]


@pytest.mark.parametrize("family", FAMILIES)
@given(st.lists(st.text(max_size=30) | st.sampled_from(TEXTS), max_size=4), st.integers(0, 5))
def test_other_tokens_cover_the_same_text_and_no_word_becomes_unknown(family, texts, seed):
    tokenizer = FAMILIES[family]()
    plain, regularized = tokenizer.encode(texts), RegularizedTokenizer(tokenizer, 0.5, seed).encode(texts)
    assert covered(regularized) == covered(plain)
    unknown = tokenizer.special_ids["unk"]
    assert (regularized.ids == unknown).sum() <= (plain.ids == unknown).sum()
    assert regularized.opening.sum() == plain.opening.sum() == len(texts)
    assert (np.diff(regularized.rows) >= 2).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_words_are_cut_smaller_and_in_several_ways(family):
    tokenizer = FAMILIES[family]()
    regularized = RegularizedTokenizer(tokenizer, 0.5, 1)
    texts = [f"{text} {number}" for number in range(20) for text in TEXTS]
    assert len(regularized.encode(texts).ids) > 1.1 * len(tokenizer.encode(texts).ids)
    ways = {tuple(regularized.encode([f"agreement {number}"]).ids[1:4].tolist()) for number in range(60)}
    assert len(ways) > 1


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_dropped_changes_nothing(family):
    tokenizer = FAMILIES[family]()
    assert RegularizedTokenizer(tokenizer, 0, 1).encode(TEXTS).ids.tolist() == tokenizer.encode(TEXTS).ids.tolist()


def test_equal_seeds_cut_alike_and_have_one_fingerprint():
    tokenizer = FAMILIES["wordpiece_uncased"]()
    first, again, other = (RegularizedTokenizer(tokenizer, 0.5, seed) for seed in (1, 1, 2))
    assert first.encode(TEXTS).ids.tolist() == again.encode(TEXTS).ids.tolist() != other.encode(TEXTS).ids.tolist()
    assert first.fingerprint == again.fingerprint
    assert len({first.fingerprint, other.fingerprint, tokenizer.fingerprint}) == 3


def test_an_entry_whose_characters_are_none_is_never_dropped():
    tokenizer = handmade("toy", "ab", "##cd", "a", "##b", "##c")
    regularized = RegularizedTokenizer(tokenizer, 0.999, 1)
    tokens = [tokenizer.vocabulary[index] for index in regularized.encode(["abcd"]).ids[1:-1]]
    assert tokens == ["a", "##b", "##cd"]


def test_a_vocabulary_of_another_kind_is_refused():
    entries = {token: index for index, token in enumerate(["[PAD]", "[UNK]", "the"])}
    backend = Backend(models.WordLevel(entries, unk_token="[UNK]"))
    tokenizer = Tokenizer(backend, {"pad": "[PAD]", "unk": "[UNK]"}, "words")
    with pytest.raises(ConfigError, match="WordLevel"):
        RegularizedTokenizer(tokenizer, 0.1, 1)
