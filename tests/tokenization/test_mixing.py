import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.tokenization.alignment import align, mix_tokens
from tests.toys import FAMILIES

pytestmark = pytest.mark.slow

TEXTS = ["Goldman lent $4.75 bn to Société Générale.", "", "x", "the Lender agrees\u200b to pay 日本 in Oslo"]
OFFSET = 10_000


def both(first, second, texts=TEXTS):
    teacher, student = FAMILIES[first]().encode(texts), FAMILIES[second]().encode(texts)
    alignment = align(teacher, student)
    chunks = int(alignment.chunk_of_pair.max(initial=-1)) + 1
    return alignment, chunks


@pytest.mark.parametrize("first", FAMILIES)
@pytest.mark.parametrize("second", FAMILIES)
def test_taking_nothing_gives_the_students_tokens(first, second):
    alignment, chunks = both(first, second)
    mixed = mix_tokens(alignment, np.zeros(chunks, np.bool_), OFFSET)
    for name in ("ids", "starts", "ends", "rows", "lengths", "opening", "closing"):
        assert getattr(mixed, name).tolist() == getattr(alignment.student, name).tolist()


@pytest.mark.parametrize("first", FAMILIES)
@pytest.mark.parametrize("second", FAMILIES)
@given(st.integers(0, 1000))
def test_the_text_is_covered_once_whatever_is_taken(first, second, seed):
    alignment, chunks = both(first, second)
    taken = np.random.default_rng(seed).random(chunks) < 0.5
    mixed = mix_tokens(alignment, taken, OFFSET)
    assert len(mixed) == len(TEXTS)
    covered = [np.zeros(length, np.int64) for length in mixed.lengths]
    expected = [np.zeros(length, np.int64) for length in mixed.lengths]
    for tokens, into in ((mixed, covered), (alignment.student, expected)):
        for row in range(len(TEXTS)):
            for at in range(tokens.rows[row], tokens.rows[row + 1]):
                into[row][tokens.starts[at] : tokens.ends[at]] = 1
    for seen, due in zip(covered, expected, strict=True):
        assert (seen >= due).all()
    # in the order of the text, framed as the student frames it
    for row in range(len(TEXTS)):
        inside = slice(mixed.rows[row], mixed.rows[row + 1])
        spans = mixed.starts[inside][~(mixed.opening | mixed.closing)[inside]]
        assert (np.diff(spans) >= 0).all()
    assert mixed.opening.sum() == alignment.student.opening.sum()
    assert mixed.closing.sum() == alignment.student.closing.sum()
