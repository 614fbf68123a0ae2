"""The published corpora as they are mirrored: counts per split and type equal those of their SOURCE.md."""

import os
from collections import Counter

import pytest

from finkd.corpora import corpora, entities, load, sample_sentences, stream

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


def test_finer_ord():
    splits = load("finer-ord").splits
    assert support(splits["train"]) == {"PER": 821, "LOC": 966, "ORG": 2026}
    assert support(splits["validation"]) == {"PER": 138, "LOC": 193, "ORG": 274}
    assert [len(part) for part in splits.values()] == [3262, 402]
    assert [len({each.document for each in part}) for part in splits.values()] == [135, 24]
    assert sum(len(each.words) for each in splits["validation"]) == 10_233


def test_fire():
    whole = [each for part in load("fire").splits.values() for each in part]
    assert len(whole) == 454
    counts = support(whole)
    assert sum(counts.values()) == 2294
    assert (counts["Company"], counts["Date"], counts["GeopoliticalEntity"]) == (549, 316, 41)


def test_kpi_edgar():
    splits = load("kpi-edgar").splits
    assert {split: len(part) for split, part in splits.items()} == {"train": 970, "validation": 147, "test": 240}
    counts = support(each for part in splits.values() for each in part)
    assert "delete" not in counts
    assert "false_positive" not in counts
    assert (counts["cy"], counts["py"], counts["increase"]) == (1213, 619, 35)


def test_fnxl():
    splits = load("fnxl").splits
    assert {split: len(part) for split, part in splits.items()} == {"train": 1000, "validation": 985, "test": 988}
    assert [support(part)["NUM"] for part in splits.values()] == [1801, 1559, 1581]


def test_finentity():
    whole = [each for part in load("finentity").splits.values() for each in part]
    assert len(whole) == len({each.text for each in whole}) == 919
    assert not any("\ufffd" in each.text for each in whole)


def test_wikigold():
    splits = load("wikigold").splits
    assert sum(sum(support(part).values()) for part in splits.values()) == 3558
    assert sum(map(len, splits.values())) == 1696
    assert sum(len(each.words) for part in splits.values() for each in part) == 39_007


def test_wnut17():
    splits = load("wnut17").splits
    assert [len(part) for part in splits.values()] == [3394, 1009, 1287]
    assert [sum(support(part).values()) for part in splits.values()] == [1975, 836, 1079]
    assert [sum(len(each.words) for each in part) for part in splits.values()] == [62_730, 15_733, 23_394]


@pytest.mark.parametrize("name", ["fire", "finentity", "wikigold"])
def test_own_splits_share_no_document(name):
    homes = [{each.document or each.text for each in part} for part in load(name).splits.values()]
    assert sum(map(len, homes)) == len(set().union(*homes))


@pytest.mark.parametrize("name", [name for name in corpora if corpora.get(name).kind == "text"])
def test_text_corpora_are_clean(name):
    sources = list(corpora.get(name).read(lambda relative: pytest.fail(f"{relative} was opened")))
    sample = list(sample_sentences(name, 60, sources={source: 1.0 for source in sources[-2:]}))
    assert not any("\0" in each.text or "<unk>" in each.text or "``" in each.text for each in sample)
    assert next(stream(name, sources[:1])).strip()
