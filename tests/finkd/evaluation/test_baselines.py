import pytest

from finkd.corpora.tags import first_illegal
from finkd.evaluation.baselines import baselines
from tests.finkd.toys import SENTENCES, tagged


@pytest.mark.parametrize("name", list(baselines))
def test_every_baseline_gives_legal_tags_for_every_word(name):
    predicted = baselines.get(name)(SENTENCES, SENTENCES)
    assert [len(tags) for tags in predicted] == [len(sentence.spans) for sentence in SENTENCES]
    assert all(first_illegal(tags, "IOB2") is None for tags in predicted)
    assert baselines.get(name)([], []) == []


def test_the_dictionary_takes_the_longest_match_and_the_commonest_type():
    texts = ("Acme/B-ORG Corp/I-ORG", "Acme/B-PER", "Acme/B-ORG", "Acme/B-ORG", "Lee/B-PER", "Lee/B-ORG")
    train = [tagged(text) for text in texts]
    test = [tagged("Acme/O Corp/O sued/O Acme/O and/O Lee/O")]
    # Lee was each type once; the tie goes to the first name, whatever the order of the corpus.
    expected = [["B-ORG", "I-ORG", "O", "B-ORG", "O", "B-ORG"]]
    assert baselines.get("dictionary")(train, test) == expected
    assert baselines.get("dictionary")(train[::-1], test) == expected


def test_two_words_tag_roles():
    test = [tagged("The/O Borrower/O and/O Lender/O ,/O borrower/O")]
    assert baselines.get("two-words")([], test) == [["O", "B-PER", "O", "B-PER", "O", "O"]]
