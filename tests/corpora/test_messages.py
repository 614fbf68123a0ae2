"""Messages about unknown names, and numbers with their nouns."""

import pytest

from finkd.corpora.registry import Registry, unknown
from finkd.corpora.wording import counted

MANY = Registry("losses", {f"name-{number:02}": ("x:Y", "") for number in range(35)})


def test_without_a_suggestion_the_first_names_are_shown():
    names = ", ".join(f"name-{number:02}" for number in range(10))
    assert unknown("losses", "qqq", MANY) == (
        f"losses: there is no 'qqq' (choose from {names}, ... and 25 more; see 'finkd list losses')"
    )


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
