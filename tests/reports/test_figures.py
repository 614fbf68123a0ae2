import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import figures
from reports.canvas import inline
from reports.figures import spread_out
from reports.sections import sections
from reports.table import plain
from tests.reports.examples import example_records, record
from tests.reports.hostile import HOSTILE


def section(records):
    (found,) = sections(records)
    return found


def words(svg):
    return " ".join(
        element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")
    )


def test_names_sizes_and_floors_are_labelled():
    text = words(figures.svg(section(example_records())))
    for part in ("minilm (teacher)", "22.7 M", "domain-vocabulary", "6.8 M", "two words", "micro-F1", "latency"):
        assert part in text


def test_log_scale_is_announced():
    wide = [record("slow", "student", 1, latency=90.0), record("fast", "student", 1, latency=1.0)]
    assert "log scale" in words(figures.svg(section(wide)))
    assert "log scale" not in words(figures.svg(section(example_records())))


def test_no_picture_without_a_latency():
    bare = section([record("a", "student", 1), record("f", "floor", 1, latency=1.0)])
    assert figures.svg(bare) is None
    assert figures.png(bare) is None


def test_png_is_a_png():
    assert figures.png(section(example_records())).startswith(b"\x89PNG\r\n")


def test_inline_holds_no_address():
    assert "http" not in inline(figures.svg(section(example_records())))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("start", range(0, len(HOSTILE), 13))
def test_hostile_names_stay_text(start):
    names = {f"{text}." for text in HOSTILE[start : start + 13]}
    picture = figures.svg(section([record(name, "student", 1, latency=1.0) for name in sorted(names)]))
    assert all(plain(name)[:41] in words(picture) for name in names)
    tree = ElementTree.fromstring(picture)
    assert not any("script" in element.tag or "image" in element.tag for element in tree.iter())


def test_labels_that_fit_stay_and_others_move_apart_evenly():
    assert spread_out([0.5, 0.1, 0.9], 0.1) == pytest.approx([0.5, 0.1, 0.9])
    assert spread_out([0.5, 0.5, 0.9], 0.2) == pytest.approx([0.4, 0.6, 0.9])
    assert spread_out([1.0, 0.95], 0.2) == pytest.approx([1.0, 0.8])
    assert spread_out([0.3] * 3, 2.0) == pytest.approx([0.0, 0.5, 1.0])


@given(st.lists(st.floats(0, 1), max_size=9), st.floats(0, 0.12))
def test_labels_keep_order_and_distance(positions, distance):
    moved = spread_out(positions, distance)
    assert all(-1e-9 <= each <= 1 + 1e-9 for each in moved)
    in_order = [new for _, new in sorted(zip(positions, moved, strict=True))]
    assert all(upper - lower >= distance - 1e-9 for lower, upper in pairwise(in_order))
