"""Entity replacement with names that the student's vocabulary has lost."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finkd.augmentation.entity_replacement import lost_names, with_other_names
from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.data.raw_text import KeptText, Text
from finkd.models.spec import ModelSpec
from finkd.stages.task_distill import TaskDistill
from tests.finkd.toys import LABELS, QUICK, context, tiny_model
from tests.toys import handmade, trained

pytestmark = pytest.mark.slow

TEXT = Sentence.from_words(["The", "bank", "sold", "Acme", "Corp", "to", "Zenith", "in", "May", "2003", "."])


def sentence(text):
    return Sentence.from_words(text.split())


def test_by_hand():
    (copy,) = with_other_names([TEXT], ["gupta"], 2, 1)
    words = ["The", "bank", "sold", "Acme", "Corp", "to", "Zenith", "in", "May", "2003", "."]
    changed = [place for place, word in enumerate(copy.words) if word != words[place]]
    assert len(changed) == 2
    assert set(changed) <= {3, 4, 6, 8}
    assert {copy.words[place] for place in changed} == {"Gupta"}
    assert copy.text == " ".join(copy.words)
    assert copy.tags is None


def test_what_opens_a_sentence_or_is_no_name_stays():
    same = ["Acme sold", "the bank sold 3M", "ALL IN CAPITALS", ""]
    assert with_other_names([sentence(text) for text in same], ["gupta"], 1, 1) == []


def test_a_name_in_capitals_becomes_one_in_capitals():
    (first, second) = with_other_names([sentence("shares of IBM"), sentence("grade A")], ["gupta"], 2, 1)
    assert {first.text, second.text} == {"shares of GUPTA", "grade Gupta"}


@pytest.mark.parametrize("times", [0, 1, 7])
def test_every_name_is_used_as_often_as_asked(times):
    names = ["gupta", "oslo", "zhang"]
    copies = with_other_names([TEXT, sentence("shares of Acme fell")], names, times, 1)
    used = Counter(word.lower() for copy in copies for word in copy.words)
    assert [used[name] for name in names] == [times] * 3


WORDS = st.lists(st.sampled_from(["Acme", "the", "IBM", "Zürich", "fell", ",", "4%", "Ünal"]), min_size=1, max_size=12)


@given(st.lists(WORDS, max_size=6), st.integers(0, 9), st.integers(0, 3))
def test_nothing_else_changes(texts, times, seed):
    """Spaces, words and their number stay, but for likely names; equal seeds give equal copies."""
    sentences = [Sentence.from_words(words) for words in texts]
    copies = with_other_names(sentences, ["gupta", "oslo"], times, seed)
    assert copies == with_other_names(sentences, ["gupta", "oslo"], times, seed)
    for copy in copies:
        assert any(differs_in_names_alone(each, copy) for each in sentences)


def differs_in_names_alone(original, copy):
    if len(original.words) != len(copy.words):
        return False
    pairs = zip(original.words, copy.words, strict=True)
    return all(a == b or (a[0].isupper() and b.lower() in ("gupta", "oslo")) for a, b in pairs)


def test_names_are_what_the_tagger_takes_for_an_entity():
    letters = ["o", "##s", "##l", "##o", "##t", "##k", "##y"]
    tagger = tiny_model(handmade("teacher", *letters, "oslo", "tokyo"), labels=LABELS)
    student = handmade("student", *letters, "t")
    with torch.no_grad():
        tagger.tagging_head.weight.zero_()
        for label, words in (("O", []), ("B-ORG", ["oslo", "tokyo"])):
            tagger.tagging_head.bias.copy_(torch.eye(len(LABELS))[LABELS.index(label)])
            assert lost_names(tagger, student) == words


def test_gold_text_is_left_alone(tmp_path):
    with pytest.raises(ConfigError, match=r"task-distill:gold\.entity_replacement: gold labels do not fit"):
        TaskDistill(entity_replacement=4).validate(ModelSpec(head="labels"))


@pytest.mark.parametrize("losses", [{"word-logits-kl": {}}, {"word-logits-kl": {}, "aligned-hidden-states": {}}])
@pytest.mark.parametrize("cache_teacher_outputs", [False, True])
def test_the_stage_reads_the_copies_too(tmp_path, losses, cache_teacher_outputs):
    (tmp_path / "text.txt").write_text("The bank lent money to Acme in May.\nShares of Acme Corp fell after that.\n")
    where = context(tmp_path)
    where = replace(where, text=KeptText(Text(str(tmp_path / "text.txt"), 2), where.store))
    student = tiny_model(trained("wordpiece", True, 120), layers=1)
    assert lost_names(where.teacher.load(), student.tokenizer)
    read = []
    for times in (0, 4):
        stage = TaskDistill("text", losses, replace(QUICK, epochs=1), cache_teacher_outputs, times)
        read.append(stage.run(student, where)[1])
    assert read[1] > 1.5 * read[0]
