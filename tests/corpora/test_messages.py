"""Messages about unknown names, and numbers with their nouns."""

import pytest

from finkd.corpora.registry import Registry, choices, unknown
from finkd.corpora.wording import counted

MANY = Registry("losses", {f"name-{number:02}": ("x:Y", "") for number in range(35)})


def test_a_good_suggestion_comes_with_the_command_that_lists_all():
    assert unknown("losses", "nam-07", MANY) == (
        "losses: there is no 'nam-07'; did you mean 'name-07'? (see 'finkd list losses')"
    )


def test_without_a_suggestion_the_first_names_are_shown():
    names = ", ".join(f"name-{number:02}" for number in range(10))
    assert unknown("losses", "qqq", MANY) == (
        f"losses: there is no 'qqq' (choose from {names}, ... and 25 more; see 'finkd list losses')"
    )


def test_few_names_that_no_command_lists_are_all_shown():
    assert choices(["b", "a"], "a") == "; did you mean 'a'? (choose from a, b)"
    assert choices(["b", "a"]) == " (choose from a, b)"


def test_a_long_name_is_not_repeated_whole():
    assert len(unknown("losses", "x" * 5000, MANY)) < 500


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (0, "sentence", "0 sentences"),
        (1, "second", "1 second"),
        (1.0, "second", "1 second"),
        (0.5, "second", "0.5 seconds"),
        (2, "entity", "2 entities"),
        (1, "gold entity", "1 gold entity"),
        (1234, "query", "1,234 queries"),
        (12345678, "byte", "12,345,678 bytes"),
        (3, "batch", "3 batches"),
        (2, "process", "2 processes"),
        (2, "day", "2 days"),
    ],
)
def test_a_noun_agrees_with_its_number(number, noun, said):
    assert counted(number, noun) == said


def test_an_unusual_plural_is_given():
    assert counted(2, "corpus", "corpora") == "2 corpora"
    assert counted(1, "corpus", "corpora") == "1 corpus"
