"""Tag schemes: hand-made cases, round trips, and agreement with seqeval's strict mode."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.scheme import IOB2, IOBES, Entities

from finkd.corpora.sentence import Entity
from finkd.corpora.tags import SCHEMES, convert, entities, entity_types, first_illegal, from_entities, label_names

PREFIXES = {"IOB1": "BI", "IOB2": "BI", "BIOES": "BIES"}


def tag_lists(scheme, min_size=0):
    tags = ["O", *(f"{prefix}-{type_}" for prefix in PREFIXES[scheme] for type_ in ("X", "Y", "creative-work"))]
    return st.lists(st.sampled_from(tags), min_size=min_size, max_size=9)


@st.composite
def entity_lists(draw):
    borders = sorted(draw(st.sets(st.integers(0, 10), min_size=2)))
    found = []
    for start, end in itertools.pairwise(borders):
        if draw(st.booleans()):
            found.append(Entity(start, end, draw(st.sampled_from("XY"))))
    return found, borders[-1]


def test_entities_by_hand():
    assert entities(["B-X", "I-X", "O", "B-Y"]) == [Entity(0, 2, "X"), Entity(3, 4, "Y")]
    assert entities(["B-X", "B-X"]) == [Entity(0, 1, "X"), Entity(1, 2, "X")]
    assert entities(["I-X", "I-X", "I-Y", "B-Y"], "IOB1") == [Entity(0, 2, "X"), Entity(2, 3, "Y"), Entity(3, 4, "Y")]
    assert entities(["S-X", "B-X", "I-X", "E-X"], "BIOES") == [Entity(0, 1, "X"), Entity(1, 4, "X")]
    assert entities([]) == []


def test_types_never_mix_in_one_span():
    # SpanMarker decodes B-X I-Y as one span.
    assert entities(["B-X", "I-Y", "I-Y"]) == [Entity(0, 1, "X")]
    assert entities(["B-X", "E-Y"], "BIOES") == []
    assert entities(["I-X", "I-Y"], "IOB1") == [Entity(0, 1, "X"), Entity(1, 2, "Y")]


def test_an_iob1_file_read_as_iob2_holds_nothing():
    assert entities(["I-PER", "I-PER", "O"]) == []
    assert convert(["I-PER", "I-PER", "O"], "IOB1") == ["B-PER", "I-PER", "O"]


def test_iob1_writes_b_only_between_neighbours():
    tags = from_entities([Entity(0, 2, "X"), Entity(2, 3, "X"), Entity(3, 4, "Y")], 5, "IOB1")
    assert tags == ["I-X", "I-X", "B-X", "I-Y", "O"]


@pytest.mark.parametrize("scheme", SCHEMES)
@given(data=st.data())
def test_entities_survive_every_scheme(scheme, data):
    found, length = data.draw(entity_lists())
    tags = from_entities(found, length, scheme)
    assert first_illegal(tags, scheme) is None
    assert entities(tags, scheme) == found


@pytest.mark.parametrize("scheme", SCHEMES)
@given(data=st.data())
def test_tags_are_legal_exactly_if_they_say_all_about_their_entities(scheme, data):
    tags = data.draw(tag_lists(scheme))
    assert (first_illegal(tags, scheme) is None) == (convert(tags, scheme, scheme) == tags)


@pytest.mark.parametrize(("scheme", "reference"), [("IOB2", IOB2), ("BIOES", IOBES)])
@given(data=st.data())
def test_same_entities_as_seqeval_strict(scheme, reference, data):
    tags = data.draw(tag_lists(scheme, min_size=1))
    strict = [Entity(each.start, each.end, each.tag) for each in Entities([tags], reference).entities[0]]
    assert entities(tags, scheme) == strict


@pytest.mark.parametrize(
    ("tags", "scheme", "place", "reason"),
    [
        (["O", "I-X"], "IOB2", 1, "found 'I-X', which does not fit its neighbours; IOB2 reads it as 'O'"),
        (["B-X", "I-Y"], "IOB2", 1, "found 'I-Y', which does not fit"),
        (["O", "B-X"], "IOB1", 1, "found 'B-X', which does not fit its neighbours; IOB1 reads it as 'I-X'"),
        (["B-X", "O"], "BIOES", 0, "found 'B-X', which does not fit"),
        (["O", "B-X"], "BIOES", 1, "found 'B-X', which does not fit"),
        (["E-X"], "IOB2", 0, "found 'E-X'; expected O, B-TYPE, I-TYPE"),
        (["PER"], "IOB2", 0, "found 'PER'; expected O"),
        (["B-"], "IOB2", 0, "found 'B-'; expected O"),
        ([""], "BIOES", 0, "found ''; expected O"),
    ],
)
def test_illegal_tags_are_named(tags, scheme, place, reason):
    found = first_illegal(tags, scheme)
    assert found[0] == place
    assert found[1].startswith(reason)


@pytest.mark.parametrize(
    "wrong", [[Entity(0, 0, "X")], [Entity(0, 4, "X")], [Entity(0, 2, "X"), Entity(1, 3, "Y")], [Entity(-1, 1, "X")]]
)
def test_impossible_entities_are_refused(wrong):
    with pytest.raises(ValueError, match="empty, overlaps another or leaves a sentence of 3 words"):
        from_entities(wrong, 3)


def test_entity_types_are_read_from_labels_of_any_order():
    assert entity_types(label_names(["PER", "LOC"])) == ("PER", "LOC")
    assert entity_types(["I-creative-work", "B-PER", "O", "B-creative-work"]) == ("creative-work", "PER")
    assert entity_types(["O"]) == ()


def test_entities_refuse_what_is_no_tag():
    with pytest.raises(ValueError, match="tag 1: found 'PER'"):
        entities(["O", "PER"])
