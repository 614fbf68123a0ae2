"""Tokens of words that were seen before are those of the whole text."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Backend

from finkd.tokenization import word_cache
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.word_cache import tokenizes_words_alone
from tests.toys import FAMILIES, TEXTS, assert_same_tokens

CACHED = sorted(set(FAMILIES) - {"roberta"})
_BLANK = [" ", "  ", "\t", "\r\n", "\x1c", "\xa0", "\u2003"]
_SIGNS = ["\u0301", "\u200d", "\ufeff", "\x00", "\u01c5", "\ufb01", "\u03c2", "\u4e2d", "\U0001f3e6"]
_WORDS = ["[CLS]", "[MASK]", "Acme's", "U.S.", "bank", "$25"]
_pieces = st.sampled_from(_BLANK) | st.sampled_from(_SIGNS + _WORDS) | st.characters(exclude_categories=["Cs"])
texts = st.lists(st.lists(_pieces).map("".join), max_size=4)


@settings(max_examples=300)
@given(texts, st.sampled_from(CACHED))
def test_equals_whole_texts(batch, name):
    tokenizer = FAMILIES[name]()
    assert tokenizer._words is not None
    assert_same_tokens(tokenizer.encode(batch), tokenizer._encode(batch))


def test_begins_anew_when_full(monkeypatch):
    monkeypatch.setattr(word_cache, "_MOST_CHARACTERS", 40)
    tokenizer = Tokenizer(FAMILIES["bpe"]().backend, FAMILIES["bpe"]().specials, "small")
    kept = set()
    for text in TEXTS * 2:
        assert_same_tokens(tokenizer.encode([text]), tokenizer._encode([text]))
        kept.add(id(tokenizer._words._kept))
        assert tokenizer._words._kept.characters <= 40 + len(text)
    assert len(kept) > 2


def test_threads_share_a_cache(monkeypatch):
    monkeypatch.setattr(word_cache, "_MOST_CHARACTERS", 3000)
    tokenizer = Tokenizer(FAMILIES["bpe"]().backend, FAMILIES["bpe"]().specials, "shared")
    batches = [[f"{text} {number % 97}x{number % 89}" for text in TEXTS] for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        for batch, found in zip(batches, pool.map(tokenizer.encode, batches), strict=True):
            assert_same_tokens(found, tokenizer._encode(batch))


def _changed(**parts) -> Backend:
    backend = Backend.from_str(FAMILIES["wordpiece_cased"]().backend.to_str())
    for name, part in parts.items():
        setattr(backend, name, part)
    return backend


@pytest.mark.parametrize(
    "backend",
    [
        FAMILIES["roberta"]().backend,
        _changed(pre_tokenizer=None),
        _changed(pre_tokenizer=pre_tokenizers.Metaspace()),
        _changed(
            pre_tokenizer=pre_tokenizers.Sequence(
                [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="first")]
            )
        ),
        _changed(normalizer=normalizers.Replace("  ", "_")),
        _changed(normalizer=normalizers.Sequence([normalizers.NFC(), normalizers.Prepend("x")])),
    ],
)
def test_tokenizers_that_look_beyond_a_word_are_told(backend):
    assert tokenizes_words_alone(_changed())
    assert not tokenizes_words_alone(backend)


def test_a_tokenizer_that_drops_letters_is_not_cached():
    backend = _changed(normalizer=normalizers.Replace(Regex("[a-z]"), ""))
    tokenizer = Tokenizer(backend, FAMILIES["wordpiece_cased"]().specials, "deaf")
    assert word_cache.special_before(backend) is None
    assert len(tokenizer.encode(["abc"]).ids) == 2


def test_protected_words_with_a_space_are_told():
    backend = _changed()
    backend.add_tokens([AddedToken("Acme Corp")])
    assert not tokenizes_words_alone(backend)
