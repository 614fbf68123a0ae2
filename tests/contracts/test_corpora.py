"""What every corpus of the registry keeps to; a new entry is tested without writing a test."""

import os
import re
import subprocess
import sys

import pytest

from finkd.corpora import NerCorpus, TextCorpus, corpora, load, stream
from finkd.corpora.errors import UnavailableError
from finkd.corpora.tags import entities, first_illegal

NAMES = list(corpora)
LABELLED = [name for name in NAMES if isinstance(corpora.get(name), NerCorpus)]
HERE = [name for name in LABELLED if os.environ.get("FINKD_DATA") or not corpora.get(name).files]


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_says_where_it_comes_from(name):
    corpus = corpora.get(name)
    assert corpus.name == name
    assert isinstance(corpus, NerCorpus | TextCorpus)
    assert corpora.entries()[name].summary
    for said in (corpus.origin, corpus.licence, corpus.reference, *corpus.notes):
        assert said.strip()
        assert "\n" not in said
    if isinstance(corpus, NerCorpus):
        assert corpus.types
        assert len(set(corpus.types)) == len(corpus.types)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_pinned(name):
    for path, source in corpora.get(name).files.items():
        assert re.fullmatch(r"(ner|text)/[\w./-]+", path)
        assert re.fullmatch(r"[0-9a-f]{64}", source.sha256)
        # An address without a commit would change under us.
        assert source.url is None or re.search(r"^https://.*/[0-9a-f]{40}/", source.url)


@pytest.mark.parametrize("name", [name for name in NAMES if corpora.get(name).files])
def test_missing_data_is_one_line_and_no_connection(name, tmp_path, monkeypatch):
    monkeypatch.setenv("FINKD_CACHE", str(tmp_path))
    monkeypatch.delenv("FINKD_DATA", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("a connection was tried"))
    with pytest.raises(UnavailableError, match=r"; set FINKD_DATA to a folder that holds it$") as caught:
        load(name) if name in LABELLED else next(stream(name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", HERE)
def test_labelled_corpora_are_legal_and_the_same_twice(name):
    data = load(name)
    corpus = corpora.get(name)
    assert set(data.splits) <= {"train", "validation", "test"}
    assert {"train", "validation"} <= set(data.splits)
    found = set()
    for sentences in data.splits.values():
        assert sentences
        for sentence in sentences:
            assert sentence.words
            assert first_illegal(sentence.tags, "IOB2") is None
            found |= {each.type for each in entities(sentence.tags)}
    assert found == set(corpus.types) == set(data.types)
    assert load(name).fingerprint == data.fingerprint


def test_listing_the_corpora_is_cheap():
    code = (
        "import sys; from finkd.corpora import corpora; assert all(e.summary for e in corpora.entries().values());"
        "print([name for name in ('spacy', 'pandas', 'pyarrow', 'yaml', 'numpy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
