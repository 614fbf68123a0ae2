"""Tokenization of whole texts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.task import Example
from finkd.data.collator import model_inputs
from finkd.inference.forward import forward
from finkd.losses.term import Requirement
from finkd.models.heads import with_text_head
from finkd.suites.reading import read_texts
from finkd.tokenization.alignment import align
from tests.finkd.toys import tiny_model
from tests.toys import FAMILIES, TEXTS, roberta, wordpiece_uncased

words = st.lists(
    st.sampled_from(["the", "bank", "lent", "money", "to", "Acme", "at", "4.75%", "€3,000", "Zürich"]), max_size=40
).map(" ".join)


def rows(reading):
    tokens = reading.encoded.tokens
    return [tokens.ids[a:b].tolist() for a, b in zip(tokens.rows[:-1], tokens.rows[1:], strict=True)]


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=25, deadline=None)
@given(first=words, second=words.filter(bool), limit=st.integers(8, 40))
def test_a_pair_is_what_the_tokenizer_makes_of_it(family, first, second, limit):
    tokenizer = FAMILIES[family]()
    reading = read_texts([Example(first, second, 0)], tokenizer, limit)
    (row,) = rows(reading)
    whole = tokenizer.backend.encode(first, second).ids
    assert len(row) <= limit
    assert reading.too_long == (len(whole) > limit)
    if len(whole) <= limit:
        assert row == whole
    else:  # transformers shortens the longer text first, too
        fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend)
        assert len(fast(first, second, truncation="longest_first", max_length=limit)["input_ids"]) == len(row)


@settings(max_examples=50, deadline=None)
@given(text=words, limit=st.integers(6, 20))
def test_windows_hold_all_of_a_text(text, limit):
    tokenizer = wordpiece_uncased()
    reading = read_texts([Example(text, "", 0)], tokenizer, limit, "windows")
    whole = tokenizer.encode([text])
    starts = reading.encoded.tokens.starts[~reading.encoded.tokens.framing]
    assert set(starts) == set(whole.starts[~whole.framing])
    assert all(len(row) <= limit and row[0] == whole.ids[0] and row[-1] == whole.ids[-1] for row in rows(reading))


def test_the_beginning_and_the_end_of_a_long_text():
    tokenizer = wordpiece_uncased()
    text = " ".join(TEXTS)
    whole = tokenizer.encode([text]).ids.tolist()
    (head,) = rows(read_texts([Example(text, "", 0)], tokenizer, 22, "head"))
    (both,) = rows(read_texts([Example(text, "", 0)], tokenizer, 22, "head+tail"))
    assert head == [*whole[:21], whole[-1]]
    assert both == [*whole[:6], *whole[-16:]]  # a quarter of the 20 tokens, and the rest
    assert read_texts([Example(text, "", 0)], tokenizer, 22).too_long == 1


def test_the_second_text_of_a_pair_has_its_own_type():
    model = with_text_head(tiny_model(), ("no", "yes"), 1)
    pairs = [Example("the bank lent money", "Acme agreed", 0), Example("Acme", "the Borrower shall pay interest", 1)]
    reading = read_texts(pairs, model.tokenizer, 64)
    batch = model_inputs(reading.encoded, reading.encoded.tokens, reading.encoded.first, 64)
    fast = PreTrainedTokenizerFast(tokenizer_object=model.tokenizer.backend, pad_token="[PAD]")
    first, second = [pair.first for pair in pairs], [pair.second for pair in pairs]
    theirs = fast(first, second, padding=True, return_tensors="pt", return_token_type_ids=True)
    longest = theirs["input_ids"].shape[1]
    assert batch.types is not None
    assert torch.equal(batch.types[:, :longest] * theirs["attention_mask"], theirs["token_type_ids"])
    with torch.inference_mode():
        expected = model.network(**theirs).logits
        found = forward(model.network, batch, Requirement.NONE).word_logits
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("family", ["roberta", "distilbert"])
def test_models_without_types_read_pairs(family):
    tokenizer = roberta() if family == "roberta" else wordpiece_uncased()
    model = with_text_head(tiny_model(tokenizer, family=family), ("no", "yes"), 1)
    reading = read_texts([Example("the bank", "lent money", 0)], tokenizer, 64)
    batch = model_inputs(reading.encoded, reading.encoded.tokens, reading.encoded.first, 64)
    ids = torch.tensor([tokenizer.backend.encode("the bank", "lent money").ids])
    with torch.inference_mode():
        expected = model.network(input_ids=ids).logits
        assert torch.allclose(forward(model.network, batch, Requirement.NONE).word_logits, expected, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=15, deadline=None)
@given(pairs=st.lists(st.tuples(words, words.filter(bool)), min_size=1, max_size=3))
def test_pairs_are_aligned_text_by_text_and_what_stands_between_meets(family, pairs):
    examples = [Example(first, second, 0) for first, second in pairs]
    teacher, student = (
        read_texts(examples, tokenizer, 500).encoded.tokens for tokenizer in (FAMILIES[family](), wordpiece_uncased())
    )
    found = align(teacher, student)
    assert (found.overlap > 0).all()
    assert (teacher.closing[found.teacher_index] == student.closing[found.student_index]).all()
    assert (teacher.opening[found.teacher_index] == student.opening[found.student_index]).all()
    # Each closing token of the student meets one of the teacher at the same place, between the texts or at the end.
    assert set(np.flatnonzero(student.closing)) <= set(found.student_index)
    borders = np.array([len(first) for first, _ in pairs])
    row = np.searchsorted(teacher.rows, found.teacher_index, side="right") - 1
    sides = (teacher, found.teacher_index), (student, found.student_index)
    texts = [side.starts[index] > borders[row] for side, index in sides]
    inside = ~teacher.framing[found.teacher_index]
    assert (texts[0] == texts[1])[inside].all()


def test_pairs_are_not_read_in_windows():
    with pytest.raises(ConfigError, match="pairs of texts cannot be read as 'windows'"):
        read_texts([Example("a", "b", 0)], wordpiece_uncased(), 8, "windows")


def test_no_text_is_no_example():
    reading = read_texts([], wordpiece_uncased(), 8)
    assert len(reading.source) == 0
    assert np.array_equal(reading.encoded.tokens.rows, [0])
