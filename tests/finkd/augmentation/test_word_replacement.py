"""Word replacement by a masked language model."""

from dataclasses import replace

import pytest
import torch

from finkd.augmentation.word_replacement import Augment, augmented
from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.models.heads import with_masked_head
from finkd.stages.task_distill import TaskDistill
from finkd.teachers.teacher import Teacher
from tests.finkd.toys import LABELS, QUICK, SENTENCES, context, tiny_model
from tests.toys import roberta, trained


def masked_lm(tokenizer=None):
    return with_masked_head(tiny_model(tokenizer, seed=3), seed=3)


def certain(token, size=260):
    """A masked language model that always predicts one token."""
    model = masked_lm(trained("wordpiece", True, size))
    with torch.no_grad():
        model.network.cls.predictions.bias[model.tokenizer.vocabulary.index(token)] = 1e4
    return model


def test_by_hand():
    # words of several tokens, numbers and punctuation stay
    sentence = Sentence.from_words(["The", "BORROWER", "the", "banks", ",", "4"], ["O"] * 6, "first")
    (copy,) = augmented([sentence], certain("acme"), Augment(copies=1, fraction=1, likeliest=1), 1)
    assert copy.words == ("Acme", "ACME", "acme", "banks", ",", "4")
    assert (copy.tags, copy.document) == (None, "first")


def test_entries_that_are_no_words_are_never_predicted():
    for wrong in ("##s", "[PAD]", "4"):
        copies = augmented([Sentence.from_words(["the", "borrower"])], certain(wrong), Augment(copies=3, fraction=1), 1)
        assert len(copies) == 3
        assert all(word.isalpha() for copy in copies for word in copy.words)


@pytest.mark.parametrize("tokenizer", [None, roberta()], ids=["wordpiece", "bytes"])
def test_nothing_else_changes(tokenizer):
    model = masked_lm(tokenizer)
    copies = augmented(SENTENCES, model, Augment(copies=4, fraction=0.5), 1)
    assert copies == augmented(SENTENCES, model, Augment(copies=4, fraction=0.5), 1)
    assert copies != augmented(SENTENCES, model, Augment(copies=4, fraction=0.5), 2)
    assert 0 < len(copies) <= 4 * len(SENTENCES)
    sources = {(len(sentence.words), sentence.document): sentence for sentence in SENTENCES}
    changed = total = 0
    for copy in copies:
        source = sources[len(copy.words), copy.document]
        pairs = list(zip(source.words, copy.words, strict=True))
        changed += sum(before != after for before, after in pairs)
        total += len(pairs)
        words = [(before[0].isupper(), after[0].isupper()) for before, after in pairs if before.isalpha()]
        if tokenizer is None:
            assert all(before == after for before, after in words)
        else:  # a cased vocabulary may predict a name, which keeps its capital, where a word in lower case stood
            assert all(after for before, after in words if before)
    assert 0 < changed < total


def test_a_model_without_a_masked_head_is_refused():
    with pytest.raises(ConfigError, match=r"augment\.teacher: has no masked-LM head"):
        augmented(SENTENCES, tiny_model(), Augment(copies=1), 1)


def test_the_student_reads_the_copies_too(tmp_path):
    where = replace(context(tmp_path), strategy_teacher=lambda strategy: Teacher(strategy, masked_lm))
    plain = TaskDistill(losses="tinybert-labels", schedule=replace(QUICK, epochs=1))
    _, without = plain.run(tiny_model(labels=LABELS), where)
    _, beside = replace(plain, augment=Augment(copies=2, fraction=1)).run(tiny_model(labels=LABELS), where)
    assert without < beside <= 3 * without


def test_another_masked_language_model_is_another_address(tmp_path):
    stage = TaskDistill(augment=Augment(copies=1))
    one, two = (
        replace(context(tmp_path), strategy_teacher=lambda strategy, name=name: Teacher(name, masked_lm))
        for name in "ab"
    )
    assert stage.cache_inputs(one) != stage.cache_inputs(two)
    assert replace(stage, augment=Augment()).cache_inputs(one) == replace(stage, augment=Augment()).cache_inputs(two)
