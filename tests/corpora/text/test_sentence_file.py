"""Sentences on disk."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finkd.corpora.errors import DataError
from finkd.corpora.sentence import Sentence, digest
from finkd.corpora.text import sentence_file
from finkd.corpora.text.sentence_file import SentenceFile

WORDS = st.lists(st.text("aé€😀", min_size=1, max_size=3), max_size=5)


@st.composite
def sentences(draw):
    words = draw(WORDS)
    tags = draw(st.none() | st.just(["O"] * len(words)))
    return Sentence.from_words(words, tags, draw(st.text(max_size=3)))


@settings(max_examples=40)
@given(st.lists(sentences(), max_size=9), st.integers(1, 4), st.slices(9))
def test_it_reads_like_a_list(tmp_path_factory, expected, rows, part):
    path = tmp_path_factory.mktemp("sentences") / "sentences.arrow"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentence_file, "_ROWS", rows)
        assert SentenceFile.write(path, iter(expected)) == len(expected)
        found = SentenceFile.read(path)
        assert list(found) == expected
        assert list(found[part]) == expected[part]
    assert [found[at] for at in range(-len(expected), len(expected))] == expected + expected
    assert digest(found) == digest(expected)


def test_what_is_not_there_is_an_index_error(tmp_path):
    SentenceFile.write(tmp_path / "one", [Sentence("a", ((0, 1),))])
    for at in (1, -2):
        with pytest.raises(IndexError):
            SentenceFile.read(tmp_path / "one")[at]


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "broken.arrow").write_bytes(b"ARROW1 and no more")
    with pytest.raises(DataError, match=r"broken\.arrow: cannot be read"):
        SentenceFile.read(tmp_path / "broken.arrow")
