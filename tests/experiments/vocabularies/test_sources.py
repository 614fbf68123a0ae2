"""What a corpus gives to vocabularies."""

import pytest

from finkd import corpora
from finkd.corpora.errors import ConfigError
from finkd.experiments.vocabularies.sources import source


def test_training_texts_of_a_labelled_corpus_are_its_train_split():
    train = corpora.load("sample").splits["train"]
    assert list(source("sample").training(held_out=False)) == [sentence.text for sentence in train]


def test_training_texts_of_a_folder_depend_on_a_train_file(corpus, tmp_path):
    assert len(list(source(str(corpus)).training(held_out=False))) == 3
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    assert list(source(str(tmp_path)).training(held_out=False)) == ["one", "two"]


def test_a_single_labelled_file_has_no_train_split(corpus):
    with pytest.raises(ConfigError, match="has no train split"):
        source(str(corpus / "train.conll")).training(held_out=False)
