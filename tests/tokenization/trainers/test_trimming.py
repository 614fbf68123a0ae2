import json

import numpy as np
import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers

from finkd.corpora.errors import ConfigError
from finkd.tokenization.tokenizer import Tokenizer
from finkd.tokenization.vocabulary import trim
from tests.toys import FAMILIES, TEXTS, handmade, roberta, unigram

SOME = TEXTS[:2]
each = pytest.mark.parametrize("family", sorted(FAMILIES))


def tokens(tokenizer, text):
    return tokenizer.backend.encode(text).tokens


@each
def test_the_text_is_cut_as_before_with_fewer_entries(family):
    teacher = FAMILIES[family]()
    small = trim(teacher, iter(SOME))
    assert len(small) < len(teacher)
    assert set(small.vocabulary) < set(teacher.vocabulary)
    for text in SOME:
        assert tokens(small, text) == tokens(teacher, text)
        assert small.backend.encode(text).offsets == teacher.backend.encode(text).offsets
    assert small.specials == teacher.specials
    assert small.lowercases is teacher.lowercases


@each
def test_ids_are_dense_and_keep_their_order(family):
    teacher = FAMILIES[family]()
    small = trim(teacher, SOME)
    assert sorted(small.backend.get_vocab().values()) == list(range(len(small)))
    old = [teacher.backend.token_to_id(token) for token in small.vocabulary]
    assert old == sorted(old)
    pair = small.backend.encode("the bank", "acme")
    assert [pair.ids[0], pair.ids[-1]] == [small.special_ids["cls"], small.special_ids["sep"]]


@each
def test_other_plain_text_meets_no_more_unknown_tokens(family):
    teacher = FAMILIES[family]()
    small = trim(teacher, SOME, minimum=2)
    printable = " ".join(map(chr, range(33, 127)))
    assert np.sum(small.encode([printable]).ids == small.special_ids["unk"]) == np.sum(
        teacher.encode([printable]).ids == teacher.special_ids["unk"]
    )


@each
@pytest.mark.parametrize("extra", [0, 7, 30])
def test_size_keeps_the_most_used(family, extra):
    teacher = FAMILIES[family]()
    with pytest.raises(ConfigError, match=r"^vocabulary\.size: 6 is too small for the \d+") as refusal:
        trim(teacher, SOME, size=6)
    least = int(str(refusal.value).partition("for the ")[2].partition(" ")[0])
    small = trim(teacher, SOME, size=least + extra)
    assert least <= len(small) <= least + extra
    if family.startswith("wordpiece"):
        assert len(small) == least + extra


def test_the_minimum_by_hand():
    teacher = handmade(
        "teacher", "bank", "lend", "lender", "##er", "loan", *"abdeklnor", *[f"##{c}" for c in "abdeklnor"]
    )
    texts = ["bank bank lender", "bank loan loan", "xyz"]
    assert {"bank", "loan"} <= {*trim(teacher, texts, minimum=2).vocabulary}
    assert not {"lender", "lend", "##er"} & {*trim(teacher, texts, minimum=2).vocabulary}
    assert "lender" in trim(teacher, texts).vocabulary
    assert "lend" not in trim(teacher, texts).vocabulary


def test_words_that_open_a_text_are_cut_as_before():
    texts = ["The bank lent The bank The rest", "Rest lent Bank"]
    teacher = without_prefix_space(texts)
    assert tokens(teacher, texts[0])[:2] == ["The", "Ġbank"]
    assert tokens(teacher, texts[1])[0] == "Rest"
    small = trim(teacher, texts)
    assert [tokens(small, text) for text in texts] == [tokens(teacher, text) for text in texts]
    assert "bank" not in small.vocabulary
    assert "ĠRest" not in small.vocabulary
    assert "The" not in trim(teacher, [f" {text}" for text in texts]).vocabulary


def without_prefix_space(texts):
    """A byte-level BPE that has each word of some texts with a space before it and without."""
    words = {form for text in texts for word in text.split() for form in (word, f"Ġ{word}")}
    parts = [(word[:place], word[place]) for word in sorted(words, reverse=True) for place in range(1, len(word))]
    merges = list(dict.fromkeys(parts))
    entries = dict.fromkeys(["<unk>", *pre_tokenizers.ByteLevel.alphabet(), *map("".join, merges)])
    backend = Backend(models.BPE({entry: number for number, entry in enumerate(entries)}, merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return Tokenizer(backend, {"unk": "<unk>"}, "no prefix")


def test_merges_that_lead_to_a_kept_entry_stay():
    small = trim(roberta(), ["the Borrower"] * 2)
    model = json.loads(small.backend.to_str())["model"]
    made = {"".join(pair) for pair in model["merges"]}
    assert "ĠBorrower" in made
    assert made | {token for pair in model["merges"] for token in pair} <= {*small.vocabulary}
    assert len(made) < 12


def test_unigram_scores_stay():
    before, after = (
        dict(json.loads(each.backend.to_str())["model"]["vocab"]) for each in (unigram(), trim(unigram(), SOME))
    )
    assert after.items() < before.items()


def test_no_uses_at_all_are_not_asked_for():
    with pytest.raises(ConfigError, match=r"^vocabulary\.minimum: expected 1 or more"):
        trim(roberta(), SOME, minimum=0)
