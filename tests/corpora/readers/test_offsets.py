"""Spans whose offsets count something else than characters: seen, named, and read by an option."""

import json
import logging

import pytest

from finkd.corpora import entities, load
from finkd.corpora.errors import ConfigError, DataError

TEXTS = ["🚀🚀 Corvane Bank rose.", "In Zürich, the “Mérieux” fund fell 🚀 in May.", "Oslo Pension 🚀 met Dana Ferris."]
NAMES = [["Corvane Bank"], ["Zürich", "Mérieux", "May"], ["Oslo Pension", "Dana Ferris"]]


def length(text, unit):
    return {"characters": len(text), "utf16": len(text.encode("utf-16-le")) // 2, "bytes": len(text.encode())}[unit]


def written(folder, unit="characters", shift=(0, 0), texts=TEXTS, names=NAMES):
    records = []
    for text, found in zip(texts, names, strict=True):
        starts = [(text.index(name), text.index(name) + len(name)) for name in found]
        spans = [
            {"start": length(text[:start], unit) + shift[0], "end": length(text[:end], unit) + shift[1], "label": "X"}
            for start, end in starts
        ]
        records.append(json.dumps({"text": text, "spans": spans}))
    path = folder / "x.jsonl"
    path.write_text("\n".join(records), encoding="utf-8")
    return path


def read(path, **options):
    (sentences,) = load(path, **options).splits.values()
    return [
        [s.text[s.spans[e.start][0] : s.spans[e.end - 1][1]] for e in entities(s.tags)]  # what stands between borders
        for s in sentences
    ]


@pytest.mark.parametrize("unit", ["characters", "utf16", "bytes"])
def test_offsets_are_read_in_their_unit(tmp_path, unit, caplog):
    with caplog.at_level(logging.WARNING):
        assert read(written(tmp_path, unit), offsets=unit) == NAMES
    assert not caplog.records


@pytest.mark.parametrize(
    ("unit", "read_as", "cause"),
    [
        ("utf16", "characters", "and 0 if offsets count UTF-16 units; load it with offsets utf16"),
        ("bytes", "characters", "and 0 if offsets count bytes of UTF-8; load it with offsets bytes"),
        ("characters", "utf16", "and 0 if offsets count characters; leave out offsets utf16"),
        ("characters", "bytes", "and 0 if offsets count characters; leave out offsets bytes"),
    ],
)
def test_offsets_in_another_unit_are_refused_and_the_unit_is_named(tmp_path, unit, read_as, cause):
    with pytest.raises(DataError, match=cause) as caught:
        read(written(tmp_path, unit), offsets=read_as)
    assert "x.jsonl:" in str(caught.value)


@pytest.mark.parametrize(
    ("shift", "cause"),
    [
        ((1, 1), "every offset is one less"),
        ((-1, -1), "every offset is one more"),
        ((0, -1), "every end is one more"),
        ((1, 0), "every start is one less"),
    ],
)
def test_offsets_that_are_off_by_one_are_refused(tmp_path, shift, cause):
    with pytest.raises(DataError, match=f"and 0 if {cause}; correct the file's offsets"):
        read(written(tmp_path, "characters", shift))


def test_line_ends_that_count_as_two_are_named(tmp_path):
    texts = ["Results\nof\nCorvane Bank rose.", "Sales\nof the\nOslo Pension fund fell."]
    spans = [(13, 25), (15, 27)]
    lines = [
        json.dumps({"text": text, "spans": [{"start": start, "end": end, "label": "X"}]})
        for text, (start, end) in zip(texts, spans, strict=True)
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match="and 0 if line ends count as two"):
        read(path)


def test_one_cut_word_is_told_of_and_many_are_refused(tmp_path, caplog):
    whole, part = ("Oslo Pension met Dana.", ["Oslo Pension"]), ("Die Siemensaktie stieg.", ["Siemens"])
    for count, parts in ((9, 1), (9, 4)):
        texts, names = zip(*[whole] * count, *[part] * parts, strict=True)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert read(written(tmp_path, texts=texts, names=names)) == list(names)
        assert f"{parts} of {2 * (count + parts)} borders in the file do" in caplog.text
    texts, names = zip(*[whole] * 5, *[part] * 5, strict=True)
    with pytest.raises(DataError, match="5 of 20 borders in the file do so; expected offsets of whole words"):
        read(written(tmp_path, texts=texts, names=names))


@pytest.mark.parametrize("text", ["Q3 of AcmeCorp and $5m", "上海银行今天上涨", "삼성전자는 올랐다"])
def test_borders_that_may_be_meant_are_no_cuts(tmp_path, caplog, text):
    spans = [{"start": start, "end": start + 1, "label": "X"} for start in (0,)]
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"text": text, "spans": spans}), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        load(path)
    assert not caplog.records


def test_an_offset_within_a_character_is_refused(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"text": "🚀 rose", "spans": [{"start": 1, "end": 4, "label": "X"}]}), encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.jsonl:1: span \(1, 4, 'X'\) begins or ends within a character"):
        load(path, offsets="utf16")


def test_an_unknown_unit_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="offsets: there is no 'utf-16'; did you mean 'utf16'"):
        load(written(tmp_path), offsets="utf-16")
