"""Splits that are scored, and types that only they have, before any work."""

import dataclasses
import logging

import pytest

from finkd.corpora import load
from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Sentence
from finkd.experiments.configuration.splits import check_types, load_split, with_train


@pytest.fixture
def data(tmp_path):
    (tmp_path / "train.conll").write_text("Acme B-ORG\n")
    (tmp_path / "dev.conll").write_text("Acme B-ORG\nMay B-DATE\n")
    (tmp_path / "test.conll").write_text("Oslo B-CITY\n\nParis B-CITY\nAcme B-ORG\n")
    return load(tmp_path)


def test_a_type_that_only_a_scored_split_has_is_refused(data):
    with pytest.raises(
        DataError, match=r"test has 2 of the type 'CITY', and train has none of it; label some of it in"
    ):
        check_types(data, ["test"])


def test_of_many_types_the_most_frequent_are_named(data):
    rare = [Sentence.from_words(["Acme"], [f"B-T{number}"]) for number in range(7)]
    many = dataclasses.replace(data, splits={**data.splits, "test": [*rare, rare[6], rare[6], rare[5]]})
    with pytest.raises(DataError) as caught:
        check_types(many, ["test"])
    found = "3 of the type 'T6' and 2 of the type 'T5' and 1 of the type 'T0' and 1 of the type 'T1' and 1 of the type"
    assert f"test has {found} 'T2' and 2 more types, and train has none of it" in str(caught.value)


def test_only_scored_splits_are_looked_at(data, caplog):
    with caplog.at_level(logging.WARNING):
        check_types(data, [])
    assert not caplog.text
    with pytest.raises(DataError, match="validation has 1 of the type 'DATE'"):
        check_types(data, ["validation"])


def test_a_published_corpus_is_told_of(data, caplog):
    with caplog.at_level(logging.WARNING):
        check_types(dataclasses.replace(data, name="finer-ord"), ["validation"])
    assert "validation has 1 of the type 'DATE', and train has none of it: it cannot be learned" in caplog.text


def test_a_dry_run_stops_there_too(finkd, teacher, data):
    result = finkd("run", "finetune", "--corpus", data.name, "--set", f"teacher={teacher}", "--dry-run", code=1)
    assert "test has 2 of the type 'CITY'" in result.stderr


def test_a_file_on_its_own_is_divided_by_documents(tmp_path, caplog):
    texts = [f"Acme{number} B-ORG\nlent O\n" for number in range(50)]
    (tmp_path / "news.conll").write_text("\n".join(texts))
    whole = load(tmp_path / "news.conll")
    with caplog.at_level(logging.INFO):
        data = with_train(whole)
    assert {name: len(sentences) for name, sentences in data.splits.items()} == {"train": 40, "test": 10}
    assert sorted(each.text for split in data.splits.values() for each in split) == sorted(
        each.text for each in whole.splits["all"]
    )
    assert "10 of its 50 sentences are its test split" in caplog.text
    assert {name: len(sentences) for name, sentences in with_train(whole, whole=True).splits.items()} == {"train": 50}
    assert with_train(data) is data
    path = str(tmp_path / "news.conll")
    found, split = load_split(path, "test")
    assert (split, list(found.splits["test"])) == ("test", list(data.splits["test"]))
    assert load_split(path, "all") == (whole, "all")
    assert "may have been trained on" not in caplog.text
    assert load_split(path) == (whole, "all")
    assert "one file, read as a whole; part of it may have been trained on ('--split test'" in caplog.text
