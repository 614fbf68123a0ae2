"""Sealed splits: read by name alone, with their checksum, and seen by nothing else."""

import hashlib

import pytest

from finkd.corpora import loading
from finkd.corpora.catalog import corpora
from finkd.corpora.corpus import NerCorpus, SealedSplit, Source
from finkd.corpora.errors import DataError, UnavailableError
from finkd.corpora.readers.columns import read_conll
from finkd.corpora.sentence import Sentence
from finkd.experiments.configuration.splits import scored_split

CONTENT = b"Acme B-ORG\n\n"
OPENED = [Sentence.from_words(["Bravo"], ["B-ORG"])]


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """A corpus with a sealed test split, which lies in the folder returned once somebody puts it there."""
    split = SealedSplit(
        "toy/test.conll", Source(hashlib.sha256(CONTENT).hexdigest()), lambda path: list(read_conll(path))
    )
    entry = NerCorpus(
        name="toy",
        origin="",
        licence="",
        reference="",
        types=("ORG",),
        read=lambda find: {"train": OPENED, "validation": OPENED},
        sealed={"test": split},
    )
    monkeypatch.setattr(loading, "corpora", {"toy": entry})
    monkeypatch.setenv("FINKD_DATA", str(tmp_path))
    monkeypatch.setenv("FINKD_CACHE", str(tmp_path / "cache"))
    (tmp_path / "toy").mkdir()
    return tmp_path / "toy" / "test.conll"


def test_a_sealed_split_is_read_by_name_alone(toy, caplog):
    data = loading.load("toy")
    fingerprint = data.fingerprint
    assert scored_split(data) == "validation"
    assert list(data.splits) == ["train", "validation"]
    toy.write_bytes(CONTENT)
    assert not caplog.messages
    assert "test" in data.splits
    assert [sentence.words for sentence in data.splits[scored_split(data, "test")]] == [("Acme",)]
    assert caplog.messages == ["toy: test is a sealed split: score it once, and choose nothing by its scores"]
    assert data.splits["test"] is data.splits["test"]
    assert data.fingerprint == fingerprint
    assert len(data.splits) == 2


def test_a_missing_file_is_said_plainly(toy):
    with pytest.raises(UnavailableError) as caught:
        loading.load("toy").splits["test"]
    assert str(caught.value).startswith("toy: its test split is sealed and comes on its own: toy/test.conll: not in")


def test_another_file_is_refused(toy):
    toy.write_bytes(CONTENT + b"Bravo O\n\n")
    with pytest.raises(DataError, match="the file was changed or truncated"):
        loading.load("toy").splits["test"]


@pytest.mark.parametrize(
    ("name", "split", "checksum"), [("finer-ord", "test", "51d305cb7e44"), ("fire", "published-test", "87f59e4ec984")]
)
def test_the_catalogue_knows_the_published_test_splits(name, split, checksum):
    sealed = corpora.get(name).sealed[split]
    assert sealed.source.sha256.startswith(checksum)
    assert sealed.path.startswith("ner/")
