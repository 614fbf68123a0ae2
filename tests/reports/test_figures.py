import xml.etree.ElementTree as ElementTree

import pytest

from reports import figures
from reports.canvas import inline
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
    assert all(plain(name)[:27] in words(picture) for name in names)
    tree = ElementTree.fromstring(picture)
    assert not any("script" in element.tag or "image" in element.tag for element in tree.iter())
