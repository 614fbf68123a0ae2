"""What is particular to single vocabulary algorithms."""

import pytest
import sentencepiece
from tokenizers import Tokenizer as Backend

from finkd.corpora.errors import ConfigError
from finkd.tokenization.trainers.algorithm import RARE
from finkd.tokenization.trainers.merges import WORDPIECE
from finkd.tokenization.trainers.unigram import SENTENCEPIECE, UNIGRAM, convert, train_sentencepiece
from finkd.tokenization.vocabulary import train
from tests.toys import TEXTS, trained


def test_an_unknown_algorithm_is_refused_with_the_choices():
    with pytest.raises(ConfigError, match=r"^vocabulary\.algorithm: there is no 'word-token'.*wordpiece"):
        train(TEXTS, "word-token", 500)


def test_words_are_counted_after_normalising():
    words = WORDPIECE.count(["The bank, the BANK", "the\tbank"], lowercase=True)
    assert (words["the"], words["bank"]) == (3, 3)
    assert words[","] == 2  # one in the text, one for printable ASCII
    assert list(words) == sorted(words)


def test_characters_under_the_threshold_are_left_out_and_plain_ones_kept():
    common = ["ab" * 5] * int(0.2 / RARE)
    words = WORDPIECE.count([*common, "xß", "yq"], lowercase=True)
    assert "xß" not in words
    assert words["yq"] == 1


def test_cased_wordpiece_keeps_accents_and_uncased_drops_them():
    texts = ["Société Générale"] * 5
    assert "ô" not in "".join(train(texts, "wordpiece", 300, lowercase=False).vocabulary)
    assert any("é" in token for token in train(texts, "wordpiece", 300, lowercase=False).vocabulary)
    assert not any("é" in token for token in train(texts, "wordpiece", 300, lowercase=True).vocabulary)


def test_wordpiece_marks_only_the_specials_as_special():
    """The alphabet goes through the trainer's list of special tokens and must not stay there."""
    tokenizer = trained("wordpiece", True, 260)
    assert [token.content for token in tokenizer.backend.get_added_tokens_decoder().values()] == list(
        tokenizer.vocabulary[:5]
    )
    assert tokenizer.backend.encode("ab", add_special_tokens=False).tokens == ["a", "##b"]


@pytest.mark.parametrize("algorithm", ["unigram", "sentencepiece"])
def test_a_frequent_word_that_is_part_of_no_other_becomes_a_token(algorithm):
    """Stock sentencepiece never considers such a word: it looks for substrings shared by two distinct words."""
    texts = ["zyzzyva quoted " + " ".join(f"w{i}x" for i in range(30))] * 50
    assert "▁zyzzyva" in train(texts, algorithm, 500).vocabulary


@pytest.mark.parametrize(("algorithm", "byte_fallback"), [(UNIGRAM, False), (SENTENCEPIECE, True)])
@pytest.mark.parametrize("lowercase", [True, False])
def test_the_converted_model_cuts_as_sentencepiece_does(algorithm, byte_fallback, lowercase):
    model = train_sentencepiece(algorithm.count(TEXTS * 3, lowercase), 400, byte_fallback)
    theirs = sentencepiece.SentencePieceProcessor(model_proto=model)
    ours = Backend(convert(model, byte_fallback))
    normalizer, pre_tokenizer = algorithm.normalizer(lowercase), algorithm.pre_tokenizer()
    ours.normalizer, ours.pre_tokenizer = normalizer, pre_tokenizer
    for text in (*TEXTS, "naïve Zürich bankers borrowed 25.5% — or €3 — unamortised", "borrow\tbank\nlent"):
        words = [word for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(text))]
        assert ours.encode(text).ids == [index for word in words for index in theirs.encode(word)]
