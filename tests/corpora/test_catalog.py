"""The published corpora as they are mirrored: counts per split and type equal those of their SOURCE.md."""

import os
from collections import Counter

import pytest

from finkd.corpora import TextCorpus, corpora, entities, load, sample_sentences, stream
from finkd.evaluation.folds import folds
from finkd.store import address

pytestmark = pytest.mark.skipif(
    not os.environ.get("FINKD_DATA"), reason="FINKD_DATA is not set: the published corpora are not on this machine"
)


def support(sentences):
    return Counter(each.type for sentence in sentences for each in entities(sentence.tags))


def test_sec_filings():
    splits = load("sec-filings").splits
    assert support([*splits["train"], *splits["validation"]]) == {"PER": 747, "ORG": 243, "LOC": 171, "MISC": 7}
    assert support(splits["test"]) == {"PER": 216, "ORG": 56, "LOC": 39, "MISC": 7}
    assert support(splits["validation"]) == {"PER": 46, "ORG": 27, "LOC": 44}
    assert [len(part) for part in splits.values()] == [1075, 89, 303]
    assert sum(len(each.words) for each in splits["test"]) == 13_246


@pytest.mark.parametrize(
    ("name", "sentences", "entities", "words"),
    [
        ("finer-ord", [3262, 402], [3813, 605], 90_764),
        ("kpi-edgar", [970, 147, 240], [3059, 443, 855], 54_883),
        ("fnxl", [1000, 985, 988], [1801, 1559, 1581], 111_262),
        ("wnut17", [3394, 1009, 1287], [1975, 836, 1079], 101_857),
    ],
)
def test_counts_are_the_published_ones(name, sentences, entities, words):
    splits = load(name).splits.values()
    assert [len(part) for part in splits] == sentences
    assert [support(part).total() for part in splits] == entities
    assert sum(len(each.words) for part in splits for each in part) == words


def test_finentity():
    whole = [each for part in load("finentity").splits.values() for each in part]
    assert len(whole) == len({each.text for each in whole}) == 919
    assert not any("\ufffd" in each.text for each in whole)


@pytest.mark.parametrize(
    ("name", "sentences", "entities"), [("fire", 454, 2294), ("wikigold", 1696, 3558), ("finentity", 919, 1994)]
)
def test_counts_of_what_is_split_here(name, sentences, entities):
    whole = [each for part in load(name).splits.values() for each in part]
    assert (len(whole), support(whole).total()) == (sentences, entities)


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("fire", "d2f665879e537ac1e80894ffc02a5a3b7e9ae6d73d8014df143344a8dc98f9d7"),
        ("wikigold", "146a0e7be0237f01a204d2062c660a330d788292fbddf756d31805fd15d55d32"),
        ("finentity", "a76bfd9ee944885f38bc71aafbfa6f1e28aabf9f894469ecd3338fa9c8784e98"),
    ],
)
def test_own_splits_stay_what_they_were(name, fingerprint):
    assert load(name).fingerprint == fingerprint


def test_folds_stay_what_they_were():
    parts = [[each.text for each in fold.part] for fold in folds(load("finer-ord").splits["train"], 5)]
    assert [len(part) for part in parts] == [509, 638, 723, 598, 794]
    assert address({"parts": parts}) == "dae07381c6236b9197b086e674785ef0"


@pytest.mark.parametrize("name", ["fire", "finentity", "wikigold"])
def test_own_splits_share_no_document(name):
    homes = [{each.document or each.text for each in part} for part in load(name).splits.values()]
    assert sum(map(len, homes)) == len(set().union(*homes))


@pytest.mark.parametrize("name", [name for name in corpora if isinstance(corpora.get(name), TextCorpus)])
def test_text_corpora_are_clean(name):
    sources = list(corpora.get(name).read(lambda relative: pytest.fail(f"{relative} was opened")))
    sample = list(sample_sentences(name, 60, sources={source: 1.0 for source in sources[-2:]}))
    assert not any("\0" in each.text or "<unk>" in each.text or "``" in each.text for each in sample)
    assert next(stream(name, sources[:1])).strip()
