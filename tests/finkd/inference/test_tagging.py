"""Raw text to entities with character offsets."""

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finkd.corpora.errors import ConfigError
from finkd.corpora.tags import entities
from finkd.inference import tagging
from finkd.inference.tagging import Mention, predict
from tests.finkd.toys import LABELS, tiny_model

TAGGER = tiny_model(labels=LABELS, seed=3)


def capitals(sentences, model):
    """A tagger that finds runs of capitalised words, so that the offsets can be checked by eye."""
    tags = []
    for sentence in sentences:
        before, row = "O", []
        for word in sentence.words:
            before = ("I-ORG" if before != "O" else "B-ORG") if word[0].isupper() else "O"
            row.append(before)
        tags.append(row)
    return tags, [[0.5] * len(entities(row)) for row in tags], 0


def test_offsets_point_into_the_original_text(monkeypatch):
    monkeypatch.setattr(tagging, "predict_with_scores", capitals)
    text = "  we lent Acme Corp\tmoney.\n\nthen Acme Corp paid us.  "
    (found,) = predict([text], TAGGER)
    assert found.text == text
    assert found.mentions == (Mention(10, 19, "ORG", "Acme Corp", 0.5), Mention(33, 42, "ORG", "Acme Corp", 0.5))


def test_texts_keep_their_order_over_batches_and_may_hold_nothing(monkeypatch):
    monkeypatch.setattr(tagging, "predict_with_scores", capitals)
    texts = ["Acme paid.", "", "  \n ", "we paid Bravo. we paid Acme.", "nothing"]
    for batch in (1, 2, 10):
        found = list(predict(iter(texts), TAGGER, batch=batch))
        assert [each.text for each in found] == texts
        assert [[m.text for m in each.mentions] for each in found] == [["Acme"], [], [], ["Bravo", "Acme"], []]


@pytest.mark.parametrize(("batch", "expected"), [(1, 1), (4, 8)])  # the next ones are split while the model runs
def test_texts_are_read_as_they_are_needed(monkeypatch, batch, expected):
    monkeypatch.setattr(tagging, "predict_with_scores", capitals)
    read = []

    def texts():
        for number in range(100):
            read.append(number)
            yield f"Acme {number}."

    stream = predict(texts(), TAGGER, batch=batch)
    next(stream)
    assert len(read) == expected


def test_long_texts_are_not_read_many_at_once(monkeypatch):
    monkeypatch.setattr(tagging, "predict_with_scores", capitals)
    monkeypatch.setattr(tagging, "_CHARACTERS", 10)
    read = []

    def texts():
        for number in range(100):
            read.append(number)
            yield "Acme paid Bravo."

    assert len(list(islice(predict(texts(), TAGGER), 5))) == 5
    assert len(read) <= 7


def test_entities_below_the_least_score_are_left_out():
    texts = ["Acme Corp lent Goldman Sachs money.", "Jane Miller paid."]
    every = list(predict(texts, TAGGER))
    scores = [mention.score for each in every for mention in each.mentions]
    least = sorted(scores)[len(scores) // 2]
    kept = [mention for each in predict(texts, TAGGER, min_score=least) for mention in each.mentions]
    assert 0 < len(kept) < len(scores)
    assert kept == [mention for each in every for mention in each.mentions if mention.score >= least]


@settings(max_examples=40)
@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_text_gives_mentions_in_order_and_inside(texts):
    for text, found in zip(texts, predict(texts, TAGGER, batch=3), strict=True):
        assert found.text == text
        behind = 0
        for mention in found.mentions:
            assert behind <= mention.start < mention.end <= len(text)
            assert mention.text == text[mention.start : mention.end]
            assert mention.label in ("ORG", "PER")
            behind = mention.end


def test_an_encoder_without_a_head_is_refused():
    with pytest.raises(ConfigError, match="no head that tags"):
        next(predict(["Acme"], tiny_model()))
