"""What task distillation reads: a text, and copies of its sentences; and which models it compares."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.data.arrays import Joined
from finkd.execution.lineage import addresses
from finkd.models.families import FAMILIES
from finkd.stages import task_distill
from finkd.stages.task_distill import Chain, StoredLogits, TaskDistill
from finkd.strategies.parsing import parse
from finkd.teachers.teacher import Teacher
from tests.finkd.toys import QUICK, SENTENCES, context, spec_of, tiny_model
from tests.toys import wordpiece_uncased


def test_several_collections_are_gone_through_as_often_as_one_likes():
    one, two = (Sentence(text, ((0, 1),)) for text in "ab")
    both = Chain([one], (two, one))
    assert list(both) == list(both) == [one, two, one]


def test_gold_labels_stand_for_what_the_teacher_does_not_say():
    scores = Joined([np.array([[0, 1], [np.nan, np.nan], [2, 3]], np.float32)], np.asarray)
    labels = StoredLogits(scores, np.array([2, 1, 1, 0]), np.array([0, 1, -100, 0], np.int16))
    assert labels.unread().tolist() == [False, True, True, False]
    found = labels[torch.tensor([1, 2, 0])]
    assert found[0].exp().round().tolist() == [0, 1]
    assert found[1].isnan().all()
    assert found[2].tolist() == [2, 3]


def test_labels_are_read_batch_by_batch(tmp_path, monkeypatch):
    taken, take = [], Joined.take
    monkeypatch.setattr(task_distill, "_WORDS_AT_ONCE", 8)
    monkeypatch.setattr(Joined, "take", lambda joined, rows: taken.append(len(rows)) or take(joined, rows))
    stage = TaskDistill(losses={"word-logits-kl": {}}, schedule=replace(QUICK, epochs=1, batch_tokens=16))
    stage.run(tiny_model(), context(tmp_path))
    words = sum(len(sentence.spans) for sentence in SENTENCES)
    assert sum(taken) == 2 * words  # once to see which words have labels, once to learn them
    assert max(taken) <= max(len(sentence.spans) for sentence in SENTENCES)


@pytest.mark.parametrize(
    ("teacher", "losses", "message"),
    [
        ("bert", "{aligned-hidden-states: {layers: [[3, 3]]}}", r"expected pairs within \(0\.\.2, 0\.\.3\)"),
        ("bert", "{chunk-relations: {heads: 3}}", "3 heads do not divide the width 32"),
        ("deberta-v2", "minilm", "losses: attention of 'deberta-v2' cannot be read"),
        ("albert", "{embedding: {}}", "cannot compare factorised embeddings"),
    ],
)
def test_models_that_the_losses_cannot_compare_are_refused_before_any_training(teacher, losses, message, tmp_path):
    student, tagger = (
        spec_of(FAMILIES[family].tiny(wordpiece_uncased()), tmp_path / family) for family in ("distilbert", teacher)
    )
    where = replace(context(tmp_path), student=student, teacher=Teacher("key", pytest.fail, spec=tagger))
    strategy = "finetune > truncate-layers(layers=[0, 2]) > {stage}(losses={losses})"
    for stage in ("distill:gold", "task-distill:gold"):
        with pytest.raises(ConfigError, match=message):
            addresses("start", parse(strategy.format(stage=stage, losses=losses), {}), where)
