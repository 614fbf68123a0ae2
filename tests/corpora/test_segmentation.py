"""Sentences and words from raw text, and labels by character."""

from unittest import mock

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora import segmentation
from finkd.corpora.segmentation import label_text, split_sentences, word_spans
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_words_hold_every_character_but_white_space(text):
    tokens = [text[start:end] for start, end in word_spans(text)]
    assert "".join(tokens) == "".join(text.split())


ORDINARY = spacy.blank("en").tokenizer


@given(st.lists(st.text("abcé1 .,-'$(\n\t", max_size=40), max_size=20).map(" ".join))
def test_words_are_the_tokenizers_however_often_it_is_called(text):
    expected = [(word.idx, word.idx + len(word)) for word in ORDINARY(text) if not word.is_space]
    with mock.patch.object(segmentation, "_LONGEST", len(text)):
        assert word_spans(text) == expected
    with mock.patch.object(segmentation, "_STRETCH", 7):
        assert word_spans(text) == expected


@given(st.text("ab .,-'é$(\n", max_size=60))
def test_runs_that_are_cut_keep_their_places(text):
    with mock.patch.object(segmentation, "_LONGEST", 4), mock.patch.object(segmentation, "_STRETCH", 9):
        spans = word_spans(text)
        found = [word for sentence in split_sentences([(text, "")]) for word in sentence.words]
    assert all(start < end for start, end in spans)
    assert found == [text[start:end] for start, end in spans]
    assert "".join(found) == "".join(text.split())


def test_the_vocabulary_is_replaced_before_it_grows_without_bound():
    texts = [(" ".join(f"w{number}x{place}" for place in range(50)), str(number)) for number in range(200)]
    expected = list(split_sentences(texts))
    with mock.patch.object(segmentation, "_NEW_WORDS", 3000):
        found = []
        for sentence in split_sentences(iter(texts)):
            found.append(sentence)
            assert len(segmentation._made().vocab) <= 3000 + 50 * segmentation._TEXTS
    assert found == expected


def test_texts_are_read_a_batch_at_a_time():
    read = []
    stream = split_sentences((f"Acme {number}.", str(read.append(number))) for number in range(200))
    next(stream)
    assert len(read) <= segmentation._TEXTS


@pytest.mark.parametrize("joined", ["\N{GRINNING FACE}", "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}"])
def test_joined_emojis_are_cut_with_work_that_grows_with_their_number(joined):
    seen = []

    def counted(token):
        seen.append(len(token))
        return ORDINARY(token)

    for length in (9000, 90_000):
        seen.clear()
        doc = segmentation._in_tokens(counted)(joined * (length // len(joined)))
        assert sum(seen) == len(doc.text)
        assert max(seen) <= 200
        assert len(seen) <= len(doc.text) / 200 + 1


def test_sentences_are_cut_out_with_their_spans():
    text = "  Profit rose 3%. It fell\t in May.  "
    first, second = split_sentences([(text, "a:1"), ("   ", "a:2")])
    assert first == Sentence("Profit rose 3%.", ((0, 6), (7, 11), (12, 13), (13, 14), (14, 15)), document="a:1")
    assert second.text == "It fell\t in May."
    assert second.words == ("It", "fell", "in", "May", ".")


def test_borders_inside_a_word_split_it():
    sentence = label_text("Acme-Rome", [(0, 4, "ORG"), (5, 9, "LOC")], "d")
    assert sentence.words == ("Acme", "-", "Rome")
    assert sentence.tags == ("B-ORG", "O", "B-LOC")
    assert label_text("xyz", [(1, 2, "A"), (2, 3, "A")]).words == ("x", "y", "z")


def test_white_space_around_a_label_is_harmless():
    sentence = label_text("a Acme b", [(1, 7, "ORG")])
    assert [(each.start, each.end) for each in entities(sentence.tags)] == [(1, 2)]


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([(0, 9, "X")], "empty or leaves the text of 3 characters"),
        ([(-1, 1, "X")], "empty or leaves"),
        ([(1, 1, "X")], "empty or leaves"),
        ([(1, 2, "X")], "holds no word"),
        ([(0, 3, "X"), (2, 3, "Y")], r"\(0, 3, 'X'\) 'a b' and \(2, 3, 'Y'\) 'b' overlap"),
    ],
)
def test_impossible_labels_are_refused(spans, message):
    with pytest.raises(ValueError, match=message):
        label_text("a b", spans)


@given(st.data())
def test_labels_are_where_they_were_put(data):
    text = data.draw(st.text("ab -.,'é$", min_size=1, max_size=30))
    borders = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    spans = [(a, b, "X") for a, b in zip(borders[::2], borders[1::2], strict=False) if text[a:b].strip()]
    sentence = label_text(text, spans)
    found = [text[sentence.spans[each.start][0] : sentence.spans[each.end - 1][1]] for each in entities(sentence.tags)]
    assert found == [text[start:end].strip() for start, end, _ in spans]
