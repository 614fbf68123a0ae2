"""Labels of a teacher, kept in the store."""

from dataclasses import replace

import numpy as np

from finkd.store import Store
from finkd.teachers.labels import teacher_labels
from finkd.teachers.teacher import Teacher
from tests.finkd.toys import LABELS, SENTENCES, tiny_model


def test_a_tagger_that_never_sees_the_tags_labels_a_text_once(tmp_path):
    tagger, parts = tiny_model(labels=LABELS), []
    teacher = Teacher("theirs", None, tagger=lambda: tagger)

    def labelled(sentences):
        return np.asarray(teacher_labels(sentences, teacher, LABELS, Store(tmp_path), "fp32", parts.append))

    found = labelled(SENTENCES)
    for tags in (lambda each: None, lambda each: ("O",) * len(each.spans)):
        np.testing.assert_array_equal(labelled([replace(each, tags=tags(each)) for each in SENTENCES]), found)
    assert len(parts) == 1
    labelled(SENTENCES[:-1])
    assert len(parts) == 2
    teacher_labels(SENTENCES, teacher, LABELS, Store(tmp_path), "bf16", parts.append)
    assert len(parts) == 3  # those of fp32 are not taken for them
