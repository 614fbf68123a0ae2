"""The tokenizer-shift analysis from names to figures."""

import pytest
import torch
from safetensors.torch import save_file

import corpora
from corpora.errors import ConfigError, DataError
from experiments.shift import compare, named_tokenizer, training_texts, weights
from finkd import models
from tests.finkd.toys import tiny_model


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_weights_are_counted_without_loading_them(family, tmp_path):
    model = tiny_model(family=family)
    model.save(tmp_path)
    assert weights(tmp_path) == (sum(p.numel() for p in model.network.parameters()), 32)


def test_weights_may_lie_in_several_files_and_positions_are_none(tmp_path):
    save_file({"e.word_embeddings.weight": torch.zeros(7, 3)}, tmp_path / "model-1.safetensors")
    save_file({"bias": torch.zeros(5), "e.position_ids": torch.zeros(1, 9)}, tmp_path / "model-2.safetensors")
    assert weights(tmp_path) == (26, 3)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no word embeddings"):
        weights(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 20)
    with pytest.raises(DataError, match=r"model\.safetensors: not a readable"):
        weights(tmp_path)


def test_the_embedding_shares_follow_from_the_sizes(teacher, corpus):
    found = compare(str(teacher), str(corpus), size=120)
    total = sum(p.numel() for p in models.load(teacher).network.parameters())
    old, new = found.shift.teacher.size * 32, found.shift.student.size * 32
    assert found.parameters == total
    assert found.embedding_shares() == pytest.approx((old / total, new / (total - old + new)))


def test_the_vocabulary_never_sees_the_measured_split(teacher, corpus, tmp_path):
    changed = tmp_path / "corpus"
    changed.mkdir()
    (changed / "train.conll").write_bytes((corpus / "train.conll").read_bytes())
    (changed / "test.conll").write_text("Quux B-ORG\nzymurgy O\n")
    first, second = (compare(str(teacher), str(folder), size=120).shift for folder in (corpus, changed))
    assert first.student.size == second.student.size
    assert second.student.whole_entity_words == 0.0


def test_training_texts_of_a_labelled_corpus_are_its_train_split():
    train = corpora.load("sample").splits["train"]
    assert list(training_texts("sample")) == [sentence.text for sentence in train]


def test_training_texts_of_a_folder_depend_on_a_train_file(corpus, tmp_path):
    assert len(list(training_texts(str(corpus)))) == 3
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    assert list(training_texts(str(tmp_path))) == ["one", "two"]


def test_a_single_labelled_file_has_no_train_split(corpus):
    with pytest.raises(ConfigError, match="has no train split"):
        training_texts(str(corpus / "train.conll"))


def test_a_tokenizer_is_named_by_its_folder_or_by_a_teacher(teacher):
    assert len(named_tokenizer(str(teacher))) == len(tiny_model().tokenizer)
