"""Run records as a data frame."""

import math

import pytest

from finkd.reports.frame import records_frame
from tests.reports.examples import example_records


def test_every_record_is_a_row_with_its_figures():
    records = example_records()
    frame = records_frame(records)
    assert len(frame) == len(records)
    for (_, row), record in zip(frame.iterrows(), records, strict=True):
        assert (row.experiment, row.system, row.seed) == (record.experiment, record.system, record.seed)
        assert row.f1 == pytest.approx(record.scores.micro.f1)
        for name, counts in record.scores.per_type.items():
            assert row[f"f1_{name}"] == pytest.approx(counts.f1)
        assert row.tokens == sum(stage.tokens for stage in (*record.lineage, *record.teachers))
        assert (
            math.isnan(row.parameters) if record.role == "baseline" else row.parameters == record.resources.parameters
        )


def test_records_are_read_from_folders(tmp_path):
    for number, record in enumerate(example_records()):
        record.save(tmp_path / f"{number}.record.json")
    assert sorted(records_frame([tmp_path]).f1) == sorted(records_frame(example_records()).f1)
