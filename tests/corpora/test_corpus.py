"""Splitting by document, and fingerprints of loaded data."""

import hashlib
import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.corpus import NerData, split_by_document
from finkd.corpora.sentence import Sentence


def sentences(documents):
    return [Sentence.from_words([f"w{index}"], ["O"], document) for index, document in enumerate(documents)]


@given(st.lists(st.sampled_from(["", "a", "b", "c", "d", "e"]), max_size=30))
def test_every_sentence_once_and_no_document_twice(documents):
    whole = sentences(documents)
    splits = split_by_document(whole, {"validation": 0.1, "test": 0.2})
    assert sorted(itertools.chain(*splits.values()), key=whole.index) == whole
    sizes = Counter(documents)
    large = {name for name in sizes if len(sizes) == 1 or sizes[name] > 0.2 * len(whole)}
    homes = [{each.document or each.text for each in split if each.document not in large} for split in splits.values()]
    assert sum(map(len, homes)) == len(set().union(*homes))
    assert all(split == sorted(split, key=whole.index) for split in splits.values())


def test_shares_are_kept_and_the_split_does_not_depend_on_order():
    whole = sentences([str(index // 2) for index in range(200)])
    splits = split_by_document(whole, {"validation": 0.1, "test": 0.2})
    assert {split: len(part) for split, part in splits.items()} == {"train": 140, "validation": 20, "test": 40}
    again = split_by_document(whole[::-1], {"validation": 0.1, "test": 0.2})
    assert {split: set(part) for split, part in again.items()} == {split: set(part) for split, part in splits.items()}


@pytest.mark.parametrize("sizes", [{"a": 100}, {"a": 90, "b": 10}, {"a": 10, "b": 90}, {"a": 50, "b": 50}])
def test_a_large_document_is_divided_by_sentences(sizes):
    whole = sentences([name for name, size in sizes.items() for _ in range(size)])
    splits = split_by_document(whole, {"test": 0.2})
    assert 20 <= len(splits["test"]) < 30
    assert len(splits["train"]) == 100 - len(splits["test"])


def test_what_stands_word_for_word_in_a_large_document_lies_on_one_side():
    whole = sentences(["a"] * 50)
    splits = split_by_document([*whole, *whole], {"test": 0.2})
    assert not {each.text for each in splits["train"]} & {each.text for each in splits["test"]}


def test_splits_by_document_stay_what_they_were():
    """Results that were published depend on them."""
    splits = split_by_document(sentences([str(index // 7) for index in range(300)]), {"validation": 0.1, "test": 0.2})
    words = [[each.words[0] for each in split] for split in splits.values()]
    assert [len(each) for each in words] == [202, 35, 63]
    assert hashlib.sha256(repr(words).encode()).hexdigest()[:16] == "aaf67e54c7ebb1d7"


def test_fingerprint_sees_everything_a_model_sees():
    sentence = Sentence.from_words(["Acme", "rose"], ["B-ORG", "O"], "d")
    data = NerData("x", ("ORG",), {"train": [sentence]})
    others = [
        replace(data, types=("ORG", "PER")),
        replace(data, splits={"test": [sentence]}),
        replace(data, splits={"train": [sentence, sentence]}),
        replace(data, splits={"train": [replace(sentence, tags=("O", "O"))]}),
        replace(data, splits={"train": [replace(sentence, text="Acme fell")]}),
        replace(data, splits={"train": [replace(sentence, document="e")]}),
    ]
    assert len({each.fingerprint for each in (data, *others)}) == 7
    assert replace(data, name="copy").fingerprint == data.fingerprint
