import dataclasses
import random

import pytest

from finkd.corpora.errors import DataError, UnknownNameError
from finkd.records import load_records
from finkd.reports.build import build, render_markdown
from finkd.reports.figures import figures
from tests.reports.examples import example_records, record

pytestmark = pytest.mark.slow


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a report of the example records, and the files that were written."""
    folder = tmp_path_factory.mktemp("built")
    return folder, build(example_records(), folder)


def test_files_and_return_value(built):
    folder, written = built
    named = {
        "report.html",
        *(f"{name}.{kind}" for name in set(figures) - {"text", "differences"} for kind in ("svg", "png", "pdf")),
    }
    names = ("results", "significance", "power", "ablation", "calibration", "types", "lineage", "vocabulary")
    tables = {f"{name}.{kind}" for name in names for kind in ("md", "tex", "csv")}
    assert {path.name for path in written} == named | tables == set(contents(folder))
    assert len(written) == len(set(written))


def test_same_records_same_bytes_in_any_order_and_saved_too(built, tmp_path):
    for one in example_records():
        one.save(tmp_path / "runs" / f"{one.system}-{one.seed}.record.json")
    saved = load_records([tmp_path / "runs"])
    shuffled = random.Random(1).sample(saved, len(saved))
    build(shuffled, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(built[0])


def test_pictures_of_several_sections_have_safe_names(tmp_path):
    records = [record("a", "student", 1, latency=1.0, corpus=corpus) for corpus in ("../../x", "fin")]
    pictures = [path.name for path in build(records, tmp_path, ["md"]) if path.match("f1-latency*.png")]
    assert pictures == ["f1-latency-1-vocabulary-on-x.png", "f1-latency-2-vocabulary-on-fin.png"]
    assert {path.parent for path in tmp_path.rglob("*.png")} == {tmp_path}


@pytest.mark.parametrize(
    ("records", "kinds", "error"), [([], ["md"], DataError), (example_records(), ["md", "pdf"], UnknownNameError)]
)
def test_nothing_is_written_on_error(records, kinds, error, tmp_path):
    with pytest.raises(error):
        build(records, tmp_path / "out", kinds)
    assert not (tmp_path / "out").exists()


def test_markdown_for_a_terminal_has_every_section():
    records = [dataclasses.replace(r, corpus=corpus) for corpus in ("fin3", "finer-ord") for r in example_records()]
    text = render_markdown(records)
    assert text.count("**Results") == 2
    assert "**Scores" not in text
