"""Classifiers of words."""

import numpy as np
import pytest

from finkd.corpora.tasks.task import Example, TaskData
from finkd.suites.linear_classifiers import _interpolated, nb_svm


def test_weights_are_interpolated_with_their_mean_size_by_hand():
    # The sizes 1, 3 and 2 have the mean 2: .75 x 2 + .25 w.
    assert _interpolated(np.array([1.0, -3.0, 2.0])) == pytest.approx([1.75, 0.75, 2.0])


def test_words_of_one_class_tell_it():
    texts = {"train": [("good film", 1.0), ("bad film", 0.0)] * 3, "validation": [("good", 1.0), ("bad", 0.0)]}
    splits = {split: [Example(text, "", label) for text, label in rows] for split, rows in texts.items()}
    assert nb_svm(TaskData("toy", splits, labels=("bad", "good")), "validation").tolist() == [1.0, 0.0]
