import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.data.encoding import IGNORED, cut_windows, encode, kept_words, word_labels
from tests.finkd.toys import LABELS, SENTENCES, tagged
from tests.toys import FAMILIES, roberta, wordpiece_cased, wordpiece_uncased

WORDS = st.lists(
    st.one_of(
        st.sampled_from(["the", "Borrower", "25", "million", "$", "Générale", "misstatement", "naïve", "U.S."]),
        st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=12),
    ),
    min_size=1,
    max_size=60,
)


@st.composite
def sentences(draw):
    """Words with or without white space between them, and text before, between and after that is no word."""
    words = draw(WORDS)
    gaps = draw(st.lists(st.sampled_from([" ", "", "  ", " ( ", "\u00a0"]), min_size=len(words), max_size=len(words)))
    text, spans = draw(st.sampled_from(["", " ", "*** ", "(" * 20])), []
    for word, gap in zip(words, gaps, strict=True):
        spans.append((len(text), len(text) + len(word)))
        text += word + gap
    return Sentence(text, tuple(spans), tuple(draw(st.sampled_from(LABELS)) for _ in words))


@settings(max_examples=40)
@given(
    st.lists(sentences(), max_size=3),
    st.lists(st.sampled_from(sorted(FAMILIES)), min_size=1, max_size=2, unique=True),
    st.integers(4, 40),
)
def test_windows_keep_every_word_once_and_stay_within_the_limit(corpus, families, limit):
    tokenizers = [FAMILIES[family]() for family in families]
    windows = cut_windows(corpus, tokenizers, limit)
    kept = []
    for window in windows:
        source, size = corpus[window.source], len(window.sentence.spans)
        assert window.sentence.words == source.words[window.offset : window.offset + size]
        assert window.sentence.tags == source.tags[window.offset : window.offset + size]
        assert window.sentence.text in source.text
        kept += [(window.source, window.offset + word) for word in range(*window.kept)]
        assert 0 <= window.kept[0] <= window.kept[1] <= size
        if size > 1:
            assert all(len(t.encode([window.sentence.text]).ids) <= limit for t in tokenizers)
    assert kept == [(index, word) for index, s in enumerate(corpus) for word in range(len(s.spans))]


@settings(max_examples=30)
@given(st.lists(sentences(), min_size=1, max_size=3), st.sampled_from(sorted(FAMILIES)), st.integers(4, 40))
def test_labels_of_kept_words_spell_the_same_entities(corpus, family, limit):
    windows = cut_windows(corpus, [FAMILIES[family]()], limit)
    labels = word_labels(windows, LABELS)
    kept = kept_words(windows)
    assert (labels[~kept] == IGNORED).all()
    tags = iter(np.array(LABELS)[labels[kept]])
    for sentence in corpus:
        assert entities([str(next(tags)) for _ in sentence.spans]) == entities(sentence.tags)


def test_neighbouring_windows_share_words_on_both_sides():
    sentence = Sentence.from_words(["bank"] * 100)
    windows = cut_windows([sentence], [wordpiece_uncased()], 22)
    assert len(windows) > 3
    for window in windows[1:-1]:
        assert window.kept[0] >= 2
        assert window.kept[1] <= len(window.sentence.spans) - 2


def test_a_very_long_word_costs_one_window_more_and_not_one_per_word_before_it():
    sentence = Sentence.from_words([*["bank"] * 8, "%" * 90, *["bank"] * 8])
    windows = cut_windows([sentence], [wordpiece_uncased()], 94)
    assert len(windows) == 3


def test_text_before_the_first_word_counts():
    text = "(" * 30 + " bank lent"
    windows = cut_windows([Sentence(text, ((31, 35), (36, 40)))], [wordpiece_uncased()], 16)
    assert [window.sentence.text for window in windows] == ["bank", "lent"]


def test_words_grow_when_their_neighbours_are_cut_off():
    """A byte-level vocabulary without prefix space spells ``Borrower`` finer at the start of a text than inside it."""
    tokenizer = roberta()
    sentence = Sentence.from_words(["Borrower"] * 40)
    assert len(tokenizer.encode(["Borrower"]).ids) > len(tokenizer.encode(["a Borrower"]).ids) - 1
    for window in cut_windows([sentence], [tokenizer], 12):
        assert len(tokenizer.encode([window.sentence.text]).ids) <= 12


def test_sentences_without_words_give_no_window():
    assert cut_windows([Sentence("", ()), Sentence("...", ())], [wordpiece_uncased()]) == []


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_first_tokens_stand_at_their_words(family):
    tokenizer = FAMILIES[family]()
    windows = cut_windows(SENTENCES, [tokenizer])
    encoded = encode(windows, tokenizer)
    spans = [(row, *span) for row, window in enumerate(windows) for span in window.sentence.spans]
    for first, (row, start, _) in zip(encoded.first, spans, strict=True):
        assert encoded.tokens.rows[row] < first < encoded.tokens.rows[row + 1] - 1
        assert encoded.tokens.starts[first] == start


def test_the_tail_of_an_endless_word_is_dropped_and_named(caplog):
    sentence = Sentence.from_words(["bank", "\u00e9" * 400, "lent"], ["O", "B-ORG", "O"])
    windows = cut_windows([sentence], [roberta()], 32)
    with caplog.at_level(logging.WARNING):
        encoded = encode(windows, roberta(), 32)
    assert "only the first 32 tokens of 1 word are read" in caplog.text
    assert encoded.lengths.max() == 32
    assert (encoded.first[kept_words(windows)] >= 0).all()
    assert encoded.tokens.closing.sum() == encoded.tokens.opening.sum() == len(windows)


def test_labels_are_ids_and_unlabelled_words_are_ignored():
    windows = cut_windows([tagged("Acme/B-ORG fell/O"), Sentence.from_words(["raw"])], [wordpiece_cased()])
    assert word_labels(windows, LABELS).tolist() == [1, 0, IGNORED]


def test_a_tag_without_a_label_is_named():
    windows = cut_windows([tagged("Paris/B-LOC")], [wordpiece_cased()])
    with pytest.raises(ValueError, match="'B-LOC' is not among the labels O, B-ORG"):
        word_labels(windows, LABELS)
