"""Which characters words and labels may hold, in every format."""

import json
import logging

import pyarrow
import pyarrow.parquet
import pytest

from finkd.corpora import load
from finkd.corpora.errors import DataError
from finkd.corpora.readers.characters import clean_label, clean_tag, clean_word, look_alikes


def conll(folder, rows, name="train"):
    path = folder / f"{name}.conll"
    path.write_bytes("".join(f"{word}\t{tag}\n" for word, tag in rows).encode())
    return path


def csv(folder, rows, name="train"):
    path = folder / f"{name}.csv"
    quoted = "".join(f'"{word}","{tag}",0\n' for word, tag in rows)
    path.write_bytes(f"word,tag,sentence\n{quoted}".encode())
    return path


def record(rows):
    return {"words": [word for word, _ in rows], "tags": [tag for _, tag in rows]}


def jsonl(folder, rows, name="train"):
    path = folder / f"{name}.jsonl"
    path.write_text(json.dumps(record(rows)) + "\n", encoding="utf-8")
    return path


def json_list(folder, rows, name="train"):
    path = folder / f"{name}.json"
    path.write_text(json.dumps([record(rows)]), encoding="utf-8")
    return path


def parquet(folder, rows, name="train"):
    path = folder / f"{name}.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([record(rows)]), path)
    return path


FORMATS = [conll, csv, jsonl, json_list, parquet]


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("tag", [" B-ORG", "B-ORG ", "\tB-ORG\t"])
def test_spaces_around_a_tag_are_no_part_of_it(tmp_path, write, tag):
    if write is conll and "\t" in tag:
        pytest.skip("a tab is a column there")
    data = load(write(tmp_path, [("Corvane", tag), ("Bank", "I-ORG"), ("rose", " O")]))
    assert data.types == ("ORG",)
    assert data.splits["all"][0].tags == ("B-ORG", "I-ORG", "O")


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize(
    ("hidden", "name"),
    [
        ("\u00a0", "U+00A0 NO-BREAK SPACE"),
        ("\u200b", "U+200B ZERO WIDTH SPACE"),
        ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\u00ad", "U+00AD SOFT HYPHEN"),
        ("\u200e", "U+200E LEFT-TO-RIGHT MARK"),
        ("\ufe0f", "U+FE0F VARIATION SELECTOR-16"),
        ("\u3164", "U+3164 HANGUL FILLER"),
        ("\x9f", "U+009F control character"),
    ],
)
def test_a_label_with_what_nobody_sees_is_refused_with_its_place(tmp_path, write, hidden, name):
    for tag in (f"B-ORG{hidden}", f"B-{hidden}ORG", f"B-O{hidden}RG", f"{hidden}B-ORG"):
        path = write(tmp_path, [("Oslo", "B-LOC"), ("Corvane", tag)])
        with pytest.raises(DataError, match=name.replace("+", r"\+")) as caught:
            load(path)
        assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("write", FORMATS[1:])
@pytest.mark.parametrize("control", ["\0", "\t", "\n", "\v", "\f", "\x1c", "\x7f", "\x85", "\u2028", "\u2029"])
def test_a_word_holds_no_control_character(tmp_path, write, control):
    path = write(tmp_path, [("Oslo", "B-LOC"), (f"Cor{control}vane", "B-ORG")])
    with pytest.raises(DataError, match=rf"found (U\+{ord(control):04X}|UTF-16 or binary)"):
        load(path)


@pytest.mark.parametrize("control", ["\v", "\f", "\x1c", "\x7f", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("line", ["Cor{}vane\tO\n", "Corvane\tO{}\n", "Corvane\tNN{}\tO\n", "{}\n"])
def test_a_line_of_columns_holds_no_control_character(tmp_path, control, line):
    path = tmp_path / "x.conll"
    path.write_bytes(b"Oslo\tB-LOC\n\n" + line.format(control).encode())
    with pytest.raises(DataError, match=rf"x\.conll:3: found U\+{ord(control):04X}.* inside the line"):
        load(path)


@pytest.mark.parametrize("content", ["Corvane B-ORG\rBank I-ORG\rrose O\r\rOslo B-LOC\r", "a B-X\nb O\rc O\n"])
def test_lines_that_a_carriage_return_ends_are_refused(tmp_path, content):
    path = tmp_path / "train.conll"
    path.write_bytes(content.encode())
    with pytest.raises(
        DataError, match=r"train\.conll:[12]: found a carriage return inside a line; save the file with"
    ):
        load(tmp_path)


def test_a_stray_return_before_a_line_end_is_a_line_end():
    assert clean_word("rose\r") == "rose"


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("", "empty label"),
        (" \t", "empty label"),
        ("Financial  Entity", "several spaces in a row"),
        ("X" * 201, "a label of 201 characters; expected 200 at most"),
        ("ORG\n", r"U\+000A line feed"),
    ],
)
def test_labels_that_are_none(label, said):
    with pytest.raises(ValueError, match=said):
        clean_label(label)


def test_a_label_has_one_spelling():
    assert clean_label("Soci\u0065\u0301te\u0301") == "Soci\u00e9t\u00e9"
    assert clean_label(" Financial Entity ") == "Financial Entity"
    for tag in ("B- ORG", "B -ORG"):
        with pytest.raises(ValueError, match="a space beside the hyphen"):
            clean_tag(tag)


def test_types_that_look_the_same_are_refused_across_splits(tmp_path):
    conll(tmp_path, [("Acme", "B-ORG")])
    conll(tmp_path, [("Acme", "B-\u041eRG")], "test")
    with pytest.raises(DataError, match=r"holds U\+041E CYRILLIC CAPITAL LETTER O, first in test: 'Acme'"):
        load(tmp_path)
    assert look_alikes(["ORG", "LOC", "\u041e\u0420\u0413"]) is None


def test_types_that_differ_in_case_alone_are_told_of(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert load(conll(tmp_path, [("Acme", "B-ORG"), ("Bo", "B-Org")])).types == ("ORG", "Org")
    assert "the types 'ORG' and 'Org' differ in case alone" in caplog.text
