"""Alignment against slow, obvious references over hostile Unicode, for every pair of tokenizer families."""

import copy
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finkd.tokenization.alignment import align, first_tokens, word_rows
from tests.toys import FAMILIES, assert_same_tokens

pytestmark = pytest.mark.slow

ODD = [*"aeST25 .,$%é€\t\n", "  ", "e\u0301", "\u0301", "\u200b", "\u200d", "\xa0", "\x00", "\x1b", "\u202e", "\u3000"]
ODD += ["שלום", "🏦", "👩‍👩‍👧", "中国", "ß", "İ", "ﬁ", "▁", "##a", "Ġ", "[SEP]", "<0x41>", "Acme", " Borrower", "naïve"]
texts = st.lists(
    st.lists(st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=["Cs"])), max_size=16).map("".join),
    max_size=3,
)
names = st.sampled_from(sorted(FAMILIES))


def intervals(tokens):
    """Per text: (flat index, start, end) of every token that covers something, special tokens outside the text."""
    rows = []
    for row, length in enumerate(tokens.lengths.tolist()):
        found = []
        for i in range(tokens.rows[row], tokens.rows[row + 1]):
            start, end = int(tokens.starts[i]), int(tokens.ends[i])
            if tokens.opening[i]:
                start, end = -1, 0
            elif tokens.closing[i]:
                start, end = length, length + 1
            if end > start:
                found.append((i, start, end))
        rows.append(found)
    return rows


def reference_pairs(teacher, student):
    pairs = {}
    for ours, theirs in zip(intervals(teacher), intervals(student), strict=True):
        for (i, a, b), (j, c, d) in itertools.product(ours, theirs):
            if min(b, d) > max(a, c):
                pairs[i, j] = min(b, d) - max(a, c)
    return pairs


def pairs_of(alignment):
    columns = alignment.teacher_index.tolist(), alignment.student_index.tolist(), alignment.overlap.tolist()
    return {(i, j): overlap for i, j, overlap in zip(*columns, strict=True)}


def components(pairs):
    """Union-find over tokens of both sides: pair -> representative."""
    parent = {}

    def root(node):
        parent.setdefault(node, node)
        while parent[node] != node:
            node = parent[node]
        return node

    for i, j in pairs:
        parent[root(("t", i))] = root(("s", j))
    return {pair: root(("t", pair[0])) for pair in pairs}


@settings(max_examples=250)
@given(texts, names, names)
def test_pairs_chunks_and_pooling_of_two_families(batch, first, second):
    teacher, student = FAMILIES[first]().encode(batch), FAMILIES[second]().encode(batch)
    alignment = align(teacher, student)
    pairs = pairs_of(alignment)
    assert pairs == reference_pairs(teacher, student)
    assert len(pairs) == len(alignment.overlap)
    back = pairs_of(align(student, teacher))
    assert pairs == {(i, j): overlap for (j, i), overlap in back.items()}
    # Chunks are the connected components.
    root_of, chunk_of = components(pairs), dict(zip(pairs, alignment.chunk_of_pair.tolist(), strict=True))
    assert alignment.chunk_count == len(set(root_of.values()))
    together = {(chunk_of[pair], root_of[pair]) for pair in root_of}
    assert len(together) == len(set(chunk_of.values())) == len(set(root_of.values()))
    teacher_chunks, student_chunks = alignment.chunks
    for (i, j), chunk in chunk_of.items():
        assert teacher_chunks[i] == student_chunks[j] == chunk
    assert np.count_nonzero(teacher_chunks >= 0) == len({i for i, _ in root_of})
    # Weights sum to one for each covered target.
    pooling, targets = alignment.to_student(), alignment.student_index
    sums = np.add.reduceat(np.append(pooling.weights, 0), pooling.offsets[:-1])[pooling.covered]
    np.testing.assert_allclose(sums, 1, rtol=1e-5)
    assert set(np.flatnonzero(pooling.covered)) == set(targets.tolist())
    assert len(pooling.indices) == pooling.offsets[-1] == len(targets)


@settings(max_examples=100)
@given(texts, names, names)
def test_a_batch_is_its_texts_one_by_one(batch, first, second):
    teacher, student = FAMILIES[first](), FAMILIES[second]()
    whole = align(teacher.encode(batch), student.encode(batch))
    alone = [align(teacher.encode([text]), student.encode([text])) for text in batch]
    shifted = [
        (i + whole.teacher.rows[row], j + whole.student.rows[row], overlap)
        for row, part in enumerate(alone)
        for (i, j), overlap in pairs_of(part).items()
    ]
    assert [(i, j, overlap) for (i, j), overlap in pairs_of(whole).items()] == shifted


@settings(max_examples=50)
@given(texts, names)
def test_aligning_with_itself_covers_everything(batch, name):
    tokens = FAMILIES[name]().encode(batch)
    alignment = align(tokens, tokens)
    assert alignment.coverage == pytest.approx(1)
    covering = {i for row in intervals(tokens) for i, _, _ in row}
    assert covering == set(alignment.student_index.tolist())


@settings(max_examples=100)
@given(texts)
def test_byte_level_tokenizers_cover_every_character_but_space(batch):
    student = FAMILIES["roberta"]().encode(batch)
    for row, text in enumerate(batch):
        covered = {at for _, start, end in intervals(student)[row] for at in range(start, end)}
        assert {at for at, character in enumerate(text) if not character.isspace()} <= covered


@settings(max_examples=50)
@given(texts, names, names)
def test_inputs_are_untouched(batch, first, second):
    teacher, student = FAMILIES[first]().encode(batch), FAMILIES[second]().encode(batch)
    before = copy.deepcopy((teacher, student))
    alignment = align(teacher, student)
    _ = alignment.to_student(), alignment.chunks, alignment.coverage
    for old, new in zip(before, (teacher, student), strict=True):
        assert_same_tokens(new, old)


def test_different_texts_are_refused():
    tokenizer = FAMILIES["bpe"]()
    with pytest.raises(ValueError, match="different texts"):
        align(tokenizer.encode(["a"]), tokenizer.encode(["ab"]))


def test_special_tokens_meet_by_role():
    teacher, student = FAMILIES["roberta"](), FAMILIES["wordpiece_cased"]()
    alignment = align(teacher.encode([""]), student.encode([""]))
    assert pairs_of(alignment) == {(0, 0): 1, (1, 1): 1}
    assert alignment.teacher.ids.tolist() == [teacher.special_ids["cls"], teacher.special_ids["sep"]]


@st.composite
def sentences(draw):
    text = draw(texts.filter(bool))[0]
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    return text, tuple(itertools.pairwise(cuts))


@settings(max_examples=150)
@given(st.lists(sentences(), max_size=3), names)
def test_first_tokens_are_the_first_that_touch_each_word(batch, name):
    tokens = FAMILIES[name]().encode([text for text, _ in batch])
    expected = []
    for row, (_, spans) in enumerate(batch):
        inside = [
            (i, start, end) for i, start, end in intervals(tokens)[row] if not (tokens.opening[i] or tokens.closing[i])
        ]
        for start, end in spans:
            expected.append(next((i for i, a, b in inside if a < end and b > start), -1))
    found = first_tokens(tokens, *word_rows([spans for _, spans in batch]))
    assert found.tolist() == expected
