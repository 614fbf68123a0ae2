import pytest

from finkd.corpora.wording import counted


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
