"""What every vocabulary map promises; a new registry entry is tested without writing a test."""

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finkd.corpora.errors import ConfigError
from finkd.tokenization.maps import maps
from tests.toys import FAMILIES, TEXTS, handmade

PAIRS = [(teacher, student) for teacher in sorted(FAMILIES) for student in sorted(FAMILIES)]
SCRIPT = """
import hashlib, json
from tests.contracts.test_maps import digest
from finkd.tokenization.maps import maps
print(json.dumps({name: digest(name) for name in maps}))
"""
both = pytest.mark.parametrize("name", maps)
pairs = pytest.mark.parametrize(("teacher", "student"), PAIRS)


@cache
def mapped(name, teacher, student):
    return maps.get(name)()(FAMILIES[teacher](), FAMILIES[student](), list(TEXTS))


def digest(name):
    """Which entries are mapped to which, and how much, to six digits."""
    matrix = mapped(name, "wordpiece_uncased", "roberta").matrix
    parts = (matrix.indptr.tolist(), matrix.indices.tolist(), np.round(matrix.data.astype(float), 6).tolist())
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@both
@pairs
def test_rows_are_weighted_means_or_empty(name, teacher, student):
    found = mapped(name, teacher, student)
    matrix = found.matrix
    assert matrix.shape == (len(FAMILIES[student]()), len(FAMILIES[teacher]()))
    assert matrix.dtype == np.float32
    assert matrix.data.min() > 0
    np.testing.assert_allclose(matrix.sum(axis=1), found.covered, rtol=1e-6)
    assert matrix.has_canonical_format


@both
@pairs
def test_special_tokens_go_by_role(name, teacher, student):
    found = mapped(name, teacher, student)
    teacher, student = FAMILIES[teacher](), FAMILIES[student]()
    for role, index in student.special_ids.items():
        assert found.matrix[[index]].nnz == 1
        assert found.matrix[index, teacher.special_ids[role]] == 1
        assert not found.text[index]


@both
@pytest.mark.parametrize(
    ("teacher", "student"), [pair for pair in PAIRS if len({FAMILIES[side]().continuation for side in pair}) == 1]
)
def test_what_both_write_the_same_under_the_same_marks_is_that_entry(name, teacher, student):
    found = mapped(name, teacher, student)
    teacher, student = FAMILIES[teacher](), FAMILIES[student]()
    shared = {*student.vocabulary} & {*teacher.vocabulary} - {*teacher.specials.values()}
    assert len(shared) > 50
    for token in shared:
        assert found.matrix[student.backend.token_to_id(token), teacher.backend.token_to_id(token)] == 1


@both
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_vocabulary_maps_onto_itself_entry_by_entry(name, family):
    found = mapped(name, family, family)
    assert np.array_equal(found.matrix.toarray(), np.eye(len(FAMILIES[family]()), dtype=np.float32))
    assert found.coverage == 1


@both
@pairs
def test_coverage_is_of_the_entries_that_stand_for_text(name, teacher, student):
    found = mapped(name, teacher, student)
    assert found.coverage == pytest.approx(np.mean([found.covered[index] for index in np.flatnonzero(found.text)]))


@both
def test_texts_may_be_a_list_of_nothing_only_where_none_is_needed(name):
    method = maps.get(name)()
    teacher, student = FAMILIES["bpe"](), FAMILIES["unigram"]()
    if not method.needs_text:
        assert np.array_equal(
            method(teacher, student).matrix.toarray(), mapped(name, "bpe", "unigram").matrix.toarray()
        )
        return
    for texts in ([], ["", " \n"]):
        with pytest.raises(ConfigError, match="no word in the texts") as refusal:
            method(teacher, student, texts)
        assert "\n" not in str(refusal.value)


hostile = st.text(
    st.one_of(
        st.sampled_from("ab#Ġ▁<0xC3>İıßﬁ①\u0301\u200b\u200d\u202e\x00\x1f🏦שש\ufffdé"),
        st.characters(exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=5,
)


@both
@settings(max_examples=40)
@given(st.sets(hostile, min_size=1, max_size=6), st.sampled_from(sorted(FAMILIES)), st.booleans())
def test_hostile_entries_are_mapped_or_left_out(name, entries, other, turned):
    """Zero-width and control characters, normalisers that change lengths, right-to-left text, marks as text."""
    taken = {"[PAD]", "[UNK]", "[CLS]", "[SEP]"}
    strange = handmade("strange", *sorted(entries - taken), lowercase=True)
    sides = (strange, FAMILIES[other]()) if turned else (FAMILIES[other](), strange)
    texts = [*TEXTS, " ".join(sorted(entries))]
    found = maps.get(name)()(*sides, texts)
    np.testing.assert_allclose(found.matrix.sum(axis=1), found.covered, rtol=1e-6)
    assert found.matrix.nnz == 0 or found.matrix.data.min() > 0


def test_other_processes_give_the_same_maps():
    environment = {**os.environ, "PYTHONHASHSEED": "7", "RAYON_NUM_THREADS": "3"}
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {name: digest(name) for name in maps}
