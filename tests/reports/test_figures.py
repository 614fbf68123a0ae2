import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finkd.records import StageRecord
from finkd.reports.figures import figures
from finkd.reports.figures.canvas import inline, picture, pictures, style, svg
from finkd.reports.figures.scatter import _front, spread_out
from finkd.reports.sections import sections
from finkd.reports.table import plain
from tests.reports.examples import example_records, record
from tests.reports.hostile import HOSTILE
from tests.reports.pages.reader import read
from tests.reports.svg import words

pytestmark = pytest.mark.slow


def section(records):
    (found,) = sections(records)
    return found


def drawn(records, name="f1-latency"):
    """A picture of some records, ``None`` if there is none."""
    return picture(name, "", partial(figures.get(name), section(records)))


@pytest.fixture(scope="module")
def examples():
    """The pictures of the example records by name."""
    return {each.name: each for each in pictures(section(example_records()))}


def test_names_sizes_and_floors_are_labelled(examples):
    text = words(examples["f1-latency"].svg)
    for part in ("minilm (teacher)", "22.7 M", "domain-vocabulary", "6.8 M", "two words", "micro-F1", "latency"):
        assert part in text


def test_losses_are_drawn_of_stages_that_train():
    runs = []
    for seed in (1, 2):
        run = record("a", "student", seed, stages=("truncate-layers", "finetune", "calibrate"))
        lineage = tuple(replace(each, losses=each.losses if each.kind == "finetune" else ()) for each in run.lineage)
        runs.append(replace(run, lineage=lineage if seed == 2 else ()))  # of the first nothing is known
    text = words(drawn(runs, "learning").svg)
    assert "finetune" in text
    assert "truncate-layers" not in text
    assert "calibrate" not in text


def test_no_picture_without_a_latency():
    assert drawn([record("a", "student", 1), record("f", "baseline", 1, latency=1.0)]) is None


def test_files_are_what_their_names_say(examples):
    for each in examples.values():
        assert each.files["png"].startswith(b"\x89PNG\r\n")
        assert each.files["pdf"].startswith(b"%PDF")
        assert ElementTree.fromstring(each.files["svg"]).tag.endswith("svg")


def test_panels_have_the_background_of_the_page(examples):
    drawn = [each.svg for each in examples.values() if each.name != "strategies"]  # whose boxes are white
    assert "#ffffff" in examples["strategies"].svg
    assert not any("#ffffff" in element for element in drawn)


def test_the_same_records_give_the_same_bytes(examples):
    assert list(pictures(section(example_records()))) == [*examples.values()]
    assert [*examples] == [name for name in figures if name not in ("text", "differences")]


def test_differences_to_the_reference_are_drawn_of_three_students_and_more():
    config = {"reference": "a"}
    found = {"a": 70, "b": 71, "c": 40, "d": 72}
    students = [record(name, "student", 1, (right, 80, 80), config=config) for name, right in found.items()]
    text = words(drawn(students, "differences").svg)
    assert "points of micro-F1 ahead of a, 95 % interval" in text
    assert "significant (Holm)" in text
    assert drawn(students[:3], "differences") is None


def test_what_systems_share_is_drawn_once(examples):
    text = words(examples["strategies"].svg)
    assert text.count("distill:general") == 1
    assert text.count("task-distill") == 2
    assert "domain-vocabulary  0.800" in text


def test_pictures_of_what_no_record_holds_are_left_out():
    bare = [record("a", "baseline", 1), record("b", "baseline", 1)]
    assert list(pictures(section(bare))) == []


def of_text(sentences, keep=1.0, epochs=2, seed=1, tokens=1000):
    raw = {"on": "text", "schedule": {"epochs": epochs}}
    stages = [("select", {"on": "text", "keep": keep}, 0), ("task-distill:text", raw, tokens), ("finetune", {}, 500)]
    name = f"{sentences * keep:g} sentences, {epochs} passes"
    lineage = tuple(
        StageRecord(kind, f"{name} {kind}", config, 60.0, read, cached=False) for kind, config, read in stages
    )
    made = record(name, "student", seed, org=(60 + seed, 80, 80))
    return replace(made, lineage=lineage, config={"systems": {name: {}}}, texts={"text": sentences})


def test_students_of_more_and_more_text_make_a_line():
    few = [of_text(8000, keep, seed=seed, tokens=8000 * keep) for keep in (0.125, 0.5) for seed in (1, 2)]
    assert drawn(few, "text") is None
    (axes,) = figures.get("text")(section([*few, of_text(8000, tokens=8000)])).axes
    (line,) = axes.containers
    assert line.get_label() == "each sentence read 2 times"
    assert line.lines[0].get_xdata().tolist() == [1000, 4000, 8000]
    (axes,) = figures.get("text")(section([of_text(8000, 1 / passes, passes, tokens=8e6) for passes in (1, 4, 8)])).axes
    assert [each.get_label() for each in axes.containers] == ["8 M tokens read"]


def test_the_front_is_what_nothing_beats_in_both():
    points = [(1, 0.5), (2, 0.7), (3, 0.6), (4, 0.7), (5, 0.9)]
    assert _front(points) == [(1, 0.5), (2, 0.7), (5, 0.9)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("start", range(0, len(HOSTILE), 13))
def test_hostile_names_stay_text(start):
    names = {f"{text}." for text in HOSTILE[start : start + 13]}
    found = section([record(name, "student", 1, latency=1.0, stages=(name,)) for name in sorted(names)])
    alone = start < len(HOSTILE) // 3  # and not beside plain text, as which one format shows enough
    drawn = {each.name: each.svg for each in pictures(found)} if alone else as_svg(found)
    for name in ("f1-latency", "strategies"):
        assert all(plain(each)[:41] in words(drawn[name]) for each in names)
    for element in drawn.values():
        tree = ElementTree.fromstring(element)
        assert not any("script" in each.tag or "image" in each.tag for each in tree.iter())
        assert not read(inline(element)).tags & {"script", "img", "image", "b", "link", "iframe"}  # as a page has it


def as_svg(section):
    """Every figure of a section as SVG only, by name."""
    with style():
        return {name: svg(figure) for name in figures if (figure := figures.get(name)(section))}


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
