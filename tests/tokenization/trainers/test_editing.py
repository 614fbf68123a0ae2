"""Vocabularies that are trimmed from a teacher's, or grown from it."""

import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models
from transformers import AutoTokenizer

from finkd.corpora.errors import ConfigError
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.trainers.counting import count_words
from finkd.tokenization.vocabulary import Growth, grow, trim
from tests.toys import DOMAIN, FAMILIES, TEXTS, roberta

GROWTH = Growth("fertility", threshold=0, step=7, most=500)
CHANGES = {
    "trimmed": lambda teacher, texts: trim(teacher, texts),
    "trimmed to a size": lambda teacher, texts: trim(teacher, texts, size=len(teacher) - 10),
    "grown": lambda teacher, texts: grow(teacher, texts, growth=GROWTH),
}
change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
families = pytest.mark.parametrize("family", sorted(FAMILIES))


@families
@change
def test_the_order_of_the_texts_does_not_matter_and_counts_will_do(family, change):
    texts = [*DOMAIN, *TEXTS]
    made = [change(FAMILIES[family](), order) for order in (texts, texts[::-1], count_words(texts))]
    assert len({tokenizer.backend.to_str() for tokenizer in made}) == 1


@families
@change
def test_a_saved_one_loads_and_tokenizes_alike(family, change, tmp_path):
    made = change(FAMILIES[family](), [*DOMAIN, *TEXTS[:2]])
    made.save(tmp_path / "made")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "made")
    for text in (*DOMAIN[:1], *TEXTS, "naïve 🏦 x", ""):
        assert theirs(text)["input_ids"] == made.backend.encode(text).ids
    assert Tokenizer.load(tmp_path / "made").special_ids == made.special_ids


@change
@pytest.mark.parametrize("texts", [[], [" \n"]])
def test_no_word_is_refused(change, texts):
    with pytest.raises(ConfigError, match=r"^vocabulary\.texts: no word"):
        change(roberta(), texts)


@change
def test_another_kind_of_model_is_refused(change):
    words = Tokenizer(Backend(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]")), {"unk": "[UNK]"}, "words")
    with pytest.raises(ConfigError, match=r"^vocabulary\.teacher: entries of a WordLevel tokenizer cannot be changed"):
        change(words, TEXTS)
