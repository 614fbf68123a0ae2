"""What task distillation reads: a text, and copies of its sentences; and which models it compares."""

from dataclasses import replace

import pytest

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.execution.lineage import addresses
from finkd.models.families import FAMILIES
from finkd.stages.task_distill import Chain
from finkd.strategies.parsing import parse
from finkd.teachers.taught_by import TaughtBy
from tests.finkd.toys import context, spec_of
from tests.toys import wordpiece_uncased


def test_several_collections_are_gone_through_as_often_as_one_likes():
    one, two = (Sentence(text, ((0, 1),)) for text in "ab")
    both = Chain([one], (two, one))
    assert list(both) == list(both) == [one, two, one]


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
    where = replace(context(tmp_path), student=student, teacher=TaughtBy("key", pytest.fail, spec=tagger))
    strategy = "finetune > truncate-layers(layers=[0, 2]) > {stage}(losses={losses})"
    for stage in ("distill:gold", "task-distill:gold"):
        with pytest.raises(ConfigError, match=message):
            addresses("start", parse(strategy.format(stage=stage, losses=losses), {}), where)
