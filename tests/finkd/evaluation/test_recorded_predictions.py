"""Predictions of a record: read as they were written, for the text that they were made of, and no other."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Entity, Sentence
from finkd.evaluation.recorded_predictions import RecordedPredictions, predictions_file, text_address, tokens_of_words
from tests.finkd.toys import SENTENCES
from tests.toys import FAMILIES, roberta, wordpiece_uncased

ENTITIES = st.builds(Entity, st.integers(0, 9), st.integers(10, 20), st.sampled_from(["ORG", "PER"]))
SCORES = st.floats(0, 1).map(lambda score: round(score, 4))


@given(st.lists(st.lists(st.tuples(ENTITIES, SCORES), max_size=3), max_size=4))
def test_they_are_read_as_they_were_written(tmp_path_factory, found):
    record = tmp_path_factory.mktemp("run") / "records" / "a-seed-1.record.json"
    entities = [[entity for entity, _ in each] for each in found]
    written = RecordedPredictions.of(
        SENTENCES, entities, [[score for _, score in each] for each in found], wordpiece_uncased()
    )
    written.save(record)
    assert RecordedPredictions.load(record) == written
    assert predictions_file(record) == record.parent.with_name("predictions") / "a-seed-1.json"


def test_no_text_is_kept(tmp_path):
    record = tmp_path / "records" / "a.record.json"
    RecordedPredictions.of(SENTENCES, [[] for _ in SENTENCES], (), wordpiece_uncased()).save(record)
    assert not any(word in predictions_file(record).read_text() for word in ("Goldman", "Acme", "lent"))


def test_another_text_has_another_address():
    changed = dataclasses.replace(SENTENCES[0], tags=("O", *SENTENCES[0].tags[1:]))
    addresses = {text_address(each) for each in (SENTENCES, SENTENCES[1:], (changed, *SENTENCES[1:]))}
    assert len(addresses) == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_of_words_are_those_of_the_sentence(family):
    tokenizer = FAMILIES[family]()
    sentences = [Sentence.from_words(["Goldman", "moneylender", "lent"], None), Sentence("", ()), *SENTENCES]
    expected = [
        [sum(spoken.starts[t] < end and spoken.ends[t] > start for t in range(len(spoken.ids))) for start, end in spans]
        for sentence in sentences
        for spoken, spans in [(tokenizer.encode([sentence.text]), sentence.spans)]
    ]
    assert tokens_of_words(sentences, tokenizer) == expected
    assert expected[0][1] > 1
    assert tokens_of_words([], tokenizer) == []


def test_a_word_after_a_space_is_one_token_where_spaces_belong_to_tokens():
    sentence = Sentence.from_words(["lent", "to", "Acme"], None)
    assert tokens_of_words([sentence], roberta()) == [[1, 1, 1]]


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"version": 1}), json.dumps({"version": 2})])
def test_what_is_none_is_refused_by_name(content, tmp_path):
    record = tmp_path / "records" / "a.record.json"
    with pytest.raises(DataError, match=r"there are no predictions of a\.record\.json; run the experiment again"):
        RecordedPredictions.load(record)
    predictions_file(record).parent.mkdir()
    predictions_file(record).write_text(content)
    with pytest.raises(DataError, match=r"a\.json: "):
        RecordedPredictions.load(record)
