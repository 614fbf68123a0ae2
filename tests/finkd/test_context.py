"""What a stage reads."""

import pytest

from finkd.corpora.errors import ConfigError
from finkd.data.raw_text import KeptText, Text
from finkd.stages.stage import Context
from finkd.store import Store


@pytest.fixture
def texts(tmp_path):
    """A text of the domain and a general one, of one sentence each."""
    found = []
    for name in ("domain", "general"):
        (tmp_path / f"{name}.txt").write_text(f"This is a sentence of the {name} text.\n")
        found.append(KeptText(Text(str(tmp_path / f"{name}.txt"), 1), Store(tmp_path / "store")))
    return found


def test_each_source_has_its_own_sentences_and_fingerprint(texts, tmp_path):
    context = Context((), ("O",), "corpus", 1, Store(tmp_path), *texts)
    for source, word in (("text", "domain"), ("general", "general")):
        (sentence,) = context.sentences(source)
        assert word in sentence.words
    prints = [context.source_fingerprint(source, "adapt") for source in ("gold", "text", "general")]
    assert prints[0] == "corpus"
    assert prints[1] != prints[2]


@pytest.mark.parametrize("source", ["text", "general"])
def test_a_source_that_is_not_there_is_named(source, tmp_path):
    with pytest.raises(ConfigError, match=f"adapt:{source}: .* set '{source}'"):
        Context((), ("O",), "corpus", 1, Store(tmp_path)).source_fingerprint(source, "adapt")
