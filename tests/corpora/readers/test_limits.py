"""Bounds on what is read: each is met by a file that is just small enough, and broken by the next bigger one."""

import gzip
import json

import pyarrow
import pyarrow.parquet
import pytest

from finkd.corpora import load
from finkd.corpora.errors import DataError
from finkd.corpora.readers import limits
from finkd.corpora.readers.json_files import parse_json, read_json
from finkd.corpora.readers.lines import open_binary
from finkd.corpora.text.streams import text_records


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(limits, "LINE_BYTES", 100)
    monkeypatch.setattr(limits, "HELD_BYTES", 200)
    monkeypatch.setattr(limits, "TEXT_CHARACTERS", 50)


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz", "x.TXT.GZ", "x.jsonl", "x.csv"])
def test_a_long_line_is_refused_before_it_is_read_whole(tmp_path, name):
    content = {"x.jsonl": b'{"text": "%s"}\n', "x.csv": b"text\n%s\n"}.get(name, b"%s\n")
    room = 100 - len(content.splitlines()[-1]) + len(b"%s") - 1
    for length, is_fine in ((room, True), (room + 1, False)):
        raw = content % (b"a" * length)
        path = tmp_path / name
        path.write_bytes(gzip.compress(raw) if name.lower().endswith(".gz") else raw)
        if is_fine:
            assert [len(record["text"]) for record in text_records(path)] == [length]
        else:
            with pytest.raises(DataError, match=r":[12]: found a line of more than 100 bytes"):
                list(text_records(path))


def test_a_cell_is_bounded_though_it_has_many_lines(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('text\n"' + "abcdefghi\n" * 12)
    with pytest.raises(DataError, match=r"broken CSV \(field larger than field limit \(100\)\)"):
        list(text_records(path))


def test_a_gzip_file_is_closed(tmp_path):
    path = tmp_path / "x.txt.gz"
    path.write_bytes(gzip.compress(b"a"))
    with open_binary(path) as file:
        packed = file.fileobj
    assert packed.closed


def test_a_gzip_that_unfolds_without_end_is_refused(tmp_path):
    path = tmp_path / "x.txt.gz"
    path.write_bytes(gzip.compress(b"a\n" * 200_000))
    with pytest.raises(DataError, match=r"found more than 200 times the \d+ bytes that the gzip file has"):
        list(text_records(path))


def test_what_is_held_as_a_whole_is_bounded(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("[" + " " * 200 + "]")
    with pytest.raises(DataError, match="found more than 200 bytes to be read as a whole"):
        read_json(path)
    table = pyarrow.table({"words": [["a"] * 9], "tags": [["B-X"] * 9]})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    assert load(tmp_path / "x.parquet").types == ("X",)
    packed = tmp_path / "y.parquet.gz"
    packed.write_bytes(gzip.compress((tmp_path / "x.parquet").read_bytes()))
    with pytest.raises(DataError, match="found more than 200 bytes to be read as a whole"):
        load(packed)


def test_a_table_of_many_equal_values_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "TABLE_VALUES", 1000)
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"words": [["a"] * 600], "tags": [["O"] * 600]}), path)
    assert path.stat().st_size < 2000
    with pytest.raises(DataError, match="found 1200 values; expected 1000 at most"):
        load(path)


def test_a_labelled_text_is_bounded(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"text": "a" * 51, "spans": []}))
    with pytest.raises(DataError, match=r"x\.jsonl:1: found a text of 51 characters; expected 50 at most"):
        load(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 101 + "]" * 101, "more than 100 deep"),
        ("[" * 100_000, "more than 100 deep"),
        ("1" * 31, "a number of 31 digits"),
        ('{"a": 1' + "0" * 5000 + "}", "a number of 5001 digits"),
        ('{"text": "a", "text": "b"}', "found the key 'text' twice"),
    ],
)
def test_json_is_bounded_in_depth_and_digits_and_says_everything_once(tmp_path, text, said):
    with pytest.raises(DataError, match=said) as caught:
        parse_json(text, tmp_path / "x.json", 3)
    assert "x.json:3: " in str(caught.value)
    assert len(str(caught.value)) < 300


def test_json_within_the_bounds_is_read(tmp_path):
    deep = parse_json("[" * 100 + "]" * 100, tmp_path)
    assert len(json.dumps(deep)) == 200
    assert parse_json("9" * 30, tmp_path) == 10**30 - 1
