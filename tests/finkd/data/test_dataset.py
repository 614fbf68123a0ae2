"""Examples of sentences, cut some at a time, in memory or in files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finkd.corpora.sentence import Sentence
from finkd.data import dataset
from finkd.data.arrays import Growing, mapped
from finkd.data.batches import TrainingData
from finkd.data.dataset import blocks, cut
from tests.finkd.toys import LABELS, SENTENCES, tiny_model
from tests.toys import roberta, wordpiece_uncased

SIDES = {"student": wordpiece_uncased(), "teacher": roberta()}


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@settings(max_examples=20)
@given(st.lists(st.sampled_from([*SENTENCES, Sentence("", ())]), max_size=12), st.integers(1, 4), st.integers(8, 40))
def test_some_at_a_time_is_all_at_once(tmp_path_factory, sentences, size, limit):
    expected = cut(sentences, SIDES, LABELS, limit)
    folder = tmp_path_factory.mktemp("cut")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "BLOCK", size)
        same(cut(iter(sentences), SIDES, LABELS, limit), expected)
        same(cut(sentences, SIDES, LABELS, limit, folder), expected)
    same(mapped(folder), expected)


def test_words_are_numbered_through_all_sentences():
    words = [word for sentence in SENTENCES for word in sentence.words]
    found = cut(SENTENCES, {"student": SIDES["student"]}, (), 12)
    texts = [words[number] for number in found["words"]]
    lengths = [len(word) for word in texts]
    assert (found["ends"] - found["starts"]).tolist() == lengths
    assert len(texts) > len(words)  # windows overlap
    assert sorted(set(found["words"].tolist())) == list(range(len(words)))
    assert sorted(found["words"][found["usable"]].tolist()) == list(range(len(words)))


def test_no_sentences_are_no_examples():
    assert list(blocks([])) == [[]]
    data = TrainingData.of([], tiny_model(), LABELS)
    assert len(data.lengths) == len(data.word_ids) == 0


def test_arrays_of_a_folder_are_not_in_memory(tmp_path):
    growing = Growing(tmp_path)
    growing.add(numbers=np.arange(5), flags=np.zeros(0, np.bool_))
    growing.add(numbers=np.arange(3), flags=np.zeros(0, np.bool_))
    found = growing.whole()
    assert isinstance(found["numbers"], np.memmap)
    assert found["numbers"].tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    assert found["flags"].dtype == np.bool_
    with pytest.raises(ValueError, match="read-only"):
        found["numbers"][0] = 1
