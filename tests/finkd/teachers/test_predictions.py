import json

import numpy as np
import pytest

from finkd.corpora.errors import DataError
from finkd.teachers.finished_tagger import FinishedTagger
from finkd.teachers.label_map import LabelReading
from finkd.teachers.predictions import open_predictions
from tests.finkd.toys import tagged

OURS = ("O", "B-ORG", "I-ORG")


def distributions(path, *sentences):
    """A file with the words and distributions of some sentences."""
    path.write_text("".join(json.dumps({"words": words, "distributions": rows}) + "\n" for words, rows in sentences))
    return path


def test_tags_of_every_scheme_are_read(tmp_path):
    (tmp_path / "tags.conll").write_text("Acme S-ORG\nfell O\n\nSummit B-ORG\nFoods E-ORG\n")
    tagger = FinishedTagger.open(f"predictions:{tmp_path / 'tags.conll'}", LabelReading(scheme="BIOES"), OURS)
    found = tagger.sentence_logits([tagged("Acme/O fell/O"), tagged("Summit/O Foods/O")], "fp32")
    assert [[OURS[label] for label in each.argmax(axis=1)] for each in found] == [["B-ORG", "O"], ["B-ORG", "I-ORG"]]


def test_distributions_in_bioes_are_read(tmp_path):
    path = distributions(tmp_path / "of.jsonl", (["Acme", "fell"], [{"S-ORG": 1}, {"O": 1}]))
    tagger = FinishedTagger.open(f"predictions:{path}", LabelReading(scheme="BIOES"), OURS)
    (found,) = tagger.sentence_logits([tagged("Acme/O fell/O")], "fp32")
    assert [OURS[label] for label in found.argmax(axis=1)] == ["B-ORG", "O"]


def test_networks_may_compute_the_same_words_a_little_differently(tmp_path):
    rows = ([{"O": 0.0129, "B-ORG": 0.9871}], [{"O": 0.01285, "B-ORG": 0.98715}], [{"B-ORG": 1.0000001, "O": -1e-7}])
    path = distributions(tmp_path / "of.jsonl", *((["Reuters"], each) for each in rows[:2]), (["Acme"], rows[2]))
    reuters, acme = open_predictions(str(path), LabelReading()).probabilities(
        [tagged("Reuters/O"), tagged("Acme/O")], ""
    )
    np.testing.assert_array_equal(reuters, [[0.0129, 0.9871]])
    np.testing.assert_array_equal(acme, [[0, 1]])


def test_other_predictions_for_the_same_words_are_refused(tmp_path):
    path = distributions(tmp_path / "of.jsonl", (["Acme"], [{"O": 0.5, "B-ORG": 0.5}]), (["Acme"], [{"O": 1}]))
    with pytest.raises(DataError, match="holds two different predictions for 'Acme'"):
        open_predictions(str(path), LabelReading())
