import numpy as np

from finkd.tokenization.maps.vocabulary_map import from_pairs
from tests.toys import handmade

TEACHER, STUDENT = handmade("teacher", "a", "b"), handmade("student", "x", "y", "z")


def example():
    rows, columns, weights = np.array([4, 4, 5, 0]), np.array([4, 5, 5, 0]), np.array([3.0, 1.0, 7.0, 1.0])
    return from_pairs(rows, columns, weights, TEACHER, STUDENT)


def test_weights_are_normalised_by_student_entry():
    found = example()
    assert found.matrix.toarray()[4:].tolist() == [[0, 0, 0, 0, 0.75, 0.25], [0, 0, 0, 0, 0, 1], [0] * 6]
    assert found.covered.tolist() == [True, False, False, False, True, True, False]
    assert found.best.tolist() == [0, -1, -1, -1, 4, 5, -1]
    assert found.text.tolist() == [False] * 4 + [True] * 3


def test_coverage_by_hand():
    assert example().coverage == 2 / 3


def test_empty_rows_can_be_given_to_one_entry():
    filled = example().complete(1)
    assert filled[6, 1] == filled[1, 1] == 1
    assert filled[4, 4] == 0.75
    np.testing.assert_allclose(filled.sum(axis=1), 1)


def test_equally_heavy_entries_give_the_lowest_id():
    found = from_pairs(np.array([4, 4]), np.array([5, 4]), np.ones(2), TEACHER, STUDENT)
    assert found.best[4] == 4
