"""Label distributions of other schemes, orders and types as those of a corpus."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.corpora.errors import ConfigError
from finkd.corpora.tags import convert, label_names
from finkd.teachers.label_map import LabelMap, LabelReading, as_scores, corpus_labels, scheme_of

OURS = label_names(("ORG", "PER"))
LABELS = {
    "IO": ("I-PER", "O", "I-ORG"),
    "IOB1": ("I-PER", "B-PER", "O", "I-ORG", "B-ORG"),
    "IOB2": ("B-PER", "I-PER", "O", "B-ORG", "I-ORG"),
    "BIOES": ("O", *(f"{prefix}-{type_}" for type_ in ("PER", "ORG") for prefix in "SEIB")),
}


def certain(tags, labels):
    return np.eye(len(labels))[[labels.index(tag) for tag in tags]]


def mapped(tags, labels, scheme=None):
    found = LabelMap.of(labels, OURS, LabelReading(scheme=scheme), "teacher")(certain(tags, labels))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    return [OURS[place] for place in found.argmax(axis=1)]


@st.composite
def iob2(draw):
    """Legal IOB2 tags."""
    tags = []
    for _ in range(draw(st.integers(0, 12))):
        before = tags[-1][2:] if tags and tags[-1] != "O" else None
        tags.append(draw(st.sampled_from(["O", "B-ORG", "B-PER", *([f"I-{before}"] if before else [])])))
    return tags


@given(iob2(), st.sampled_from(["IOB1", "IOB2", "BIOES"]))
def test_certain_tags_of_each_scheme_are_those_of_iob2(tags, scheme):
    assert mapped(convert(tags, "IOB2", scheme), LABELS[scheme], scheme) == tags


def test_io_begins_an_entity_after_another_type():
    assert mapped(["I-ORG", "I-ORG", "I-PER", "O", "I-PER"], LABELS["IO"]) == [
        "B-ORG",
        "I-ORG",
        "B-PER",
        "O",
        "B-PER",
    ]


def test_io_splits_a_probability_by_that_of_the_word_before():
    probabilities = np.array([[0.0, 0.25, 0.75], [0.2, 0.2, 0.6]])  # I-PER, O, I-ORG
    found = LabelMap.of(LABELS["IO"], OURS, LabelReading(), "teacher")(probabilities)
    expected = {"O": 0.2, "B-ORG": 0.6 * 0.25, "I-ORG": 0.6 * 0.75, "B-PER": 0.2, "I-PER": 0.0}
    np.testing.assert_allclose(found[1], [expected[label] for label in OURS], atol=1e-12)


def test_labels_are_looked_up_once_for_all_sentences():
    class Labels(tuple):
        def index(self, *args):
            raise AssertionError("looked up again")

    of_corpus = LabelMap.of(OURS, OURS, LabelReading(), "teacher")
    distributions = np.full((2, len(OURS)), 1 / len(OURS))
    np.testing.assert_allclose(replace(of_corpus, labels=Labels(OURS))(distributions), distributions)


def test_bare_types_are_io():
    assert scheme_of(["O", "ORG", "PER"]) == "IO"
    assert mapped(["ORG", "ORG"], ("O", "ORG", "PER")) == ["B-ORG", "I-ORG"]


@pytest.mark.parametrize(("labels", "scheme"), [*((each, name) for name, each in LABELS.items() if name != "IOB1")])
def test_the_labels_tell_the_scheme(labels, scheme):
    assert scheme_of(labels) == scheme


def test_several_types_may_become_one_and_others_none():
    theirs = ("O", "B-GPE", "I-GPE", "B-COMPANY", "I-COMPANY", "B-DATE", "I-DATE", "B-PERSON", "I-PERSON")
    reading = LabelReading({"GPE": "ORG", "COMPANY": "ORG", "PERSON": "PER", "*": "O"})
    probabilities = np.array([[0.1, 0.2, 0, 0.3, 0, 0.15, 0.05, 0.1, 0.1]])
    found = LabelMap.of(theirs, OURS, reading, "teacher")(probabilities)
    np.testing.assert_allclose(found[0], [0.3, 0.5, 0, 0.1, 0.1])
    assert corpus_labels(theirs, reading, "teacher") == OURS


def test_words_that_are_not_read_stay_so_and_their_neighbours_are_whole():
    probabilities = np.array([[0, 0, 1.0], [np.nan] * 3, [0, 0, 1.0]])
    found = LabelMap.of(LABELS["IO"], OURS, LabelReading(), "teacher")(probabilities)
    assert np.isnan(found[1]).all()
    assert OURS[found[2].argmax()] == "B-ORG"
    assert np.isfinite(as_scores(found[[0, 2]])).all()


@pytest.mark.parametrize(
    ("theirs", "labels", "message"),
    [
        (("O", "B-ORG"), {}, "has no label for PER; map one of its types to each"),
        (("O", "B-ORG", "B-PER", "B-MISC"), {}, r"has 1 type that the corpus has not \(MISC\).*labels: \{MISC: O\}"),
        (
            ("O", "B-ORG", "B-PER"),
            {"PERS": "PER"},
            "labels: types of the teacher: there is no 'PERS'; did you mean 'PER'",
        ),
        (("B-ORG", "B-PER"), {}, "its labels have no 'O'"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_do(theirs, labels, message):
    with pytest.raises(ConfigError, match=message):
        LabelMap.of(theirs, OURS, LabelReading(labels), "teacher")


def test_a_label_without_prefix_among_others_has_to_be_named():
    theirs = ("O", "B-ORG", "I-ORG", "[PAD]")
    with pytest.raises(ConfigError, match=r"teacher: \[PAD\]: no prefix, .*labels: \{\[PAD\]: O\}"):
        corpus_labels(theirs, LabelReading(), "teacher")
    assert corpus_labels(theirs, LabelReading({"[PAD]": "O"}), "teacher") == ("O", "B-ORG", "I-ORG")


def test_bmes_is_bioes():
    theirs = ("O", *(f"{prefix}-{type_}" for type_ in ("PER", "ORG") for prefix in "BMES"))
    assert scheme_of(theirs) == "BIOES"
    assert mapped(["B-ORG", "M-ORG", "E-ORG", "S-PER"], theirs) == ["B-ORG", "I-ORG", "I-ORG", "B-PER"]


@pytest.mark.parametrize("scheme", ["IOB2", "BIOES"])
def test_a_scheme_that_the_labels_are_not_in_is_refused(scheme):
    with pytest.raises(ConfigError, match=f"teacher: scheme: no label begins an entity, as in {scheme}"):
        LabelMap.of(("O", "PER", "ORG"), OURS, LabelReading(scheme=scheme), "teacher")


def test_labels_that_only_end_entities_are_read_as_io():
    theirs = ("O", "I-ORG", "E-ORG", "I-PER", "E-PER")
    with pytest.raises(ConfigError, match=r"teacher: scheme: no label begins an entity, .*; set it to IO"):
        LabelMap.of(theirs, OURS, LabelReading(), "teacher")
    assert mapped(["I-ORG", "E-ORG", "O"], theirs, "IO") == ["B-ORG", "I-ORG", "O"]


def test_a_tagger_needs_a_type():
    with pytest.raises(ConfigError, match="no entity type is left"):
        corpus_labels(("O", "B-ORG"), LabelReading({"*": "O"}), "teacher")
