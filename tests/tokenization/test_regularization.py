import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import models

from finkd.corpora.errors import ConfigError
from finkd.tokenization.regularization import RegularizedTokenizer
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.trainers.protection import Protection
from finkd.tokenization.vocabulary import train
from tests.toys import FAMILIES, TEXTS, handmade

pytestmark = pytest.mark.slow


def covered(tokenizer, texts):
    """The places that the tokens of each text cover, but those of characters that alone would be no token.

    A normalizer may remove such characters; a token covers those between its others.
    """
    tokens = tokenizer.encode(texts)
    return [
        {
            place
            for at in range(tokens.rows[row], tokens.rows[row + 1])
            for place in range(tokens.starts[at], tokens.ends[at])
            if tokenizer.backend.encode(text[place], add_special_tokens=False).ids
        }
        for row, text in enumerate(texts)
    ]


@pytest.mark.parametrize("family", FAMILIES)
@given(st.lists(st.text(max_size=30) | st.sampled_from(TEXTS), max_size=4), st.integers(0, 5))
@example(["0\u00d2\x1dL"], 0)
def test_other_tokens_cover_the_same_text_and_no_word_becomes_unknown(family, texts, seed):
    tokenizer = FAMILIES[family]()
    other = RegularizedTokenizer(tokenizer, 0.5, seed)
    assert covered(other, texts) == covered(tokenizer, texts)
    plain, regularized = tokenizer.encode(texts), other.encode(texts)
    unknown = tokenizer.special_ids["unk"]
    assert (regularized.ids == unknown).sum() <= (plain.ids == unknown).sum()
    assert regularized.opening.sum() == plain.opening.sum() == len(texts)
    assert (np.diff(regularized.rows) >= 2).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_words_become_several_tokens_and_not_always_the_same(family):
    tokenizer = FAMILIES[family]()
    regularized = RegularizedTokenizer(tokenizer, 0.5, 1)
    texts = [f"{text} {number}" for number in range(20) for text in TEXTS]
    assert len(regularized.encode(texts).ids) > 1.1 * len(tokenizer.encode(texts).ids)
    starts = {tuple(regularized.encode([f"agreement {number}"]).ids[1:4].tolist()) for number in range(60)}
    assert len(starts) > 1


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


def test_a_text_in_which_a_word_would_become_unknown_keeps_its_tokens():
    # Without "ab" greedy matching takes "a ##bc" and finds no "##d"; "##cd" is an entry and "##d" is none.
    tokenizer = handmade("toy", "ab", "a", "##b", "##bc", "##c", "##cd")
    for seed in range(10):
        ids = RegularizedTokenizer(tokenizer, 0.5, seed).encode(["abcd"]).ids
        assert tokenizer.special_ids["unk"] not in ids


@pytest.mark.parametrize("algorithm", ["wordpiece", "bpe", "unigram"])
def test_protected_words_keep_their_ids(algorithm):
    tokenizer = train(TEXTS * 3, algorithm, 300, lowercase=True, protect=Protection(entries=("citibank", "kyoto")))
    protected = [tokenizer.backend.token_to_id(word) for word in ("citibank", "kyoto")]
    regularized = RegularizedTokenizer(tokenizer, 0.5, 1)
    for number in range(40):
        ids = regularized.encode([f"the bank {number} lent citibank and kyoto money"]).ids.tolist()
        assert [ids.count(index) for index in protected] == [1, 1]


def test_a_vocabulary_of_another_kind_is_refused():
    entries = {token: index for index, token in enumerate(["[PAD]", "[UNK]", "the"])}
    backend = Backend(models.WordLevel(entries, unk_token="[UNK]"))
    tokenizer = Tokenizer(backend, {"pad": "[PAD]", "unk": "[UNK]"}, "words")
    with pytest.raises(ConfigError, match="WordLevel"):
        RegularizedTokenizer(tokenizer, 0.1, 1)
