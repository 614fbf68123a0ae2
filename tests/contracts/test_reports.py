"""Every table and every format, those of other packages included."""

import dataclasses

import pytest

from finkd.reports.formats import formats
from finkd.reports.overviews import overviews
from finkd.reports.report import compose
from finkd.reports.table import Table
from finkd.reports.tables import tables
from tests.reports.examples import example_records, several_orders, several_teachers
from tests.reports.regenerate import GOLDEN, GOLDEN_FORMATS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pictures")]

RECORDS = [dataclasses.replace(each, corpus="finer-ord") for each in example_records()]
"""On a corpus of which published scores are known."""
OTHERS = {"teachers": several_teachers(), "order": several_orders()}
"""For tables that would be empty."""
SEVERAL = [*RECORDS, *example_records()]


def made(name):
    (chapter,) = compose(OTHERS.get(name, RECORDS), [name]).chapters
    return chapter.tables[name]


@pytest.mark.parametrize("name", overviews)
def test_overview_is_sound(name):
    report = compose(SEVERAL, [name])
    table = report.overviews[name]
    assert table.name == name
    assert table.caption.endswith(".")
    assert all(len(row) == len(table.columns) for row in table.rows)
    for kind in formats:
        assert any("domain-vocabulary" in content for content in formats.get(kind)(report).values())
    assert all((GOLDEN / f"{name}.{kind}").is_file() for kind in GOLDEN_FORMATS)


def test_with_one_section_there_is_nothing_to_look_over():
    assert compose(RECORDS).overviews == {}


@pytest.mark.parametrize("name", tables)
def test_table_is_sound(name):
    table = made(name)
    assert isinstance(table, Table)
    assert table.name == name
    assert table.caption.endswith(".")
    keys = [column.key for column in table.columns]
    assert len(keys) == len(set(keys))
    assert keys[:3] == ["experiment", "corpus", "split"]
    assert all(len(row) == len(keys) for row in table.rows)
    assert all(column.heading for column in table.for_readers()[0])
    assert all((GOLDEN / f"{name}.{kind}").is_file() for kind in GOLDEN_FORMATS)


@pytest.mark.parametrize("kind", formats)
@pytest.mark.parametrize("name", tables)
def test_every_table_renders_in_every_format(name, kind):
    files = formats.get(kind)(compose(OTHERS.get(name, RECORDS), [name]))
    (content,) = (content for file, content in files.items() if file != "references.bib")
    others = {"published": "RoBERTa-large", "significance": "plain"} if kind != "jsonl" else {}  # records, not tables
    others |= {"teachers": "student of large", "order": "text > gold" if kind == "jsonl" else "general or not"}
    assert others.get(name, "domain-vocabulary") in content
    assert content.endswith("\n")
    assert not content.endswith("\n\n")
