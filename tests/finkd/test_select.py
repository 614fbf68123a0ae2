"""A part of the raw text for the stages that follow."""

from dataclasses import replace

import pytest

from finkd.corpora.errors import ConfigError
from finkd.corpora.sentence import Sentence
from finkd.execution import lineage
from finkd.stages.select import Select
from finkd.strategies.parsing import parse
from tests.finkd.toys import SENTENCES, context


class Raw:
    def __init__(self, *texts):
        self.texts = texts
        self.fingerprint = {"text": "raw"}

    def draw(self, sentences=None):
        return [Sentence.from_words(text.split()) for text in self.texts][:sentences]


RAW = Raw(
    "The bank lent money to the Borrower .",
    "The bank lent money to the Borrower .",
    "| | 4 | | 5",
    "Shares of Acme fell after the bank lent .",
    "He sang a song about love and rain .",
)


def chosen(where, **settings):
    narrowed = Select(**settings).narrowed(where)
    return [RAW.texts.index(" ".join(sentence.words)) for sentence in narrowed.sentences("text")]


@pytest.fixture
def where(tmp_path):
    return replace(context(tmp_path), text=RAW)


def test_near_duplicates_go_first_and_the_rest_keeps_its_order(where):
    assert chosen(where, by=(), keep=1) == [0, 2, 3, 4]
    assert chosen(where, by=("quality",), keep=0.6) == [0, 3, 4]
    assert chosen(where, by=(), keep=0.6, similarity=1) == [0, 0, 2]


def test_the_domain_is_what_the_labelled_sentences_are_like(where):
    assert chosen(where, by=("domain",), keep=0.4) == [0, 3]


def test_the_teacher_says_what_it_is_sure_of(where):
    found = chosen(where, by=("uncertainty",), keep=0.4)
    assert len(found) == 2
    assert chosen(where, by=("uncertainty", "quality"), keep=0.4) != [2]


def test_it_is_found_out_once_and_kept(where):
    loads = []
    counting = replace(where.teacher, load=lambda: loads.append(1) or context(where.store.root).teacher.load())
    for _ in range(2):
        chosen(replace(where, teacher=counting), by=("uncertainty",))
    assert loads == [1]


def test_only_what_was_chosen_is_drawn(where):
    text = Select(by=(), keep=1).narrowed(where).text
    assert [len(text.draw(number)) for number in (None, 2, 4, 5)] == [4, 2, 4, 4]


def test_at_least_one_sentence_stays(where):
    assert chosen(where, by=(), keep=0.01) == [0]


def test_it_narrows_what_the_stages_after_it_read_and_no_other(where):
    steps = parse("adapt > select(keep=0.4) > adapt > select:general > adapt:gold", {})
    where = replace(where, general=RAW)
    read = [len(each.sentences("text")) for _, each in lineage.with_contexts(steps, where)]
    assert read == [5, 5, 2, 2, 2]
    assert len(where.sentences("gold")) == len(SENTENCES)


def test_another_choice_is_another_address(where):
    def last(strategy):
        return lineage.addresses("start", parse(strategy, {}), where)[-1]

    strategies = ["adapt", "select > adapt", "select(keep=0.4) > adapt", "select(by=[domain]) > adapt"]
    assert len({last(strategy) for strategy in strategies}) == 4
    assert last("select > adapt:gold") != last("adapt:gold")


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("select:general", r"select:general: .*set 'general'"),
        ("select(by=[uncertainty])", "uncertainty: no system has the role 'teacher'"),
    ],
)
def test_what_it_lacks_is_said_before_work(strategy, message, where):
    with pytest.raises(ConfigError, match=message):
        lineage.addresses("start", parse(strategy, {}), replace(where, teacher=None))


@pytest.mark.parametrize("settings", ["on=gold", "keep=0", "by=[love]", "similarity=1.1"])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError, match=r"stages\.select\."):
        parse(f"select({settings})", {})
