"""What task distillation reads: a text, and copies of its sentences."""

from finkd.corpora.sentence import Sentence
from finkd.stages.task_distill import Chain


def test_several_collections_are_gone_through_as_often_as_one_likes():
    one, two = (Sentence(text, ((0, 1),)) for text in "ab")
    both = Chain([one], (two, one))
    assert list(both) == list(both) == [one, two, one]
