"""Which characters words and labels may hold, in every format."""

import json
import logging

import pyarrow
import pyarrow.parquet
import pytest

from finkd.corpora import load
from finkd.corpora.errors import DataError
from finkd.corpora.readers.characters import clean_label, clean_tag, look_alikes


def written(folder, rows, suffix="conll", name="train"):
    """Write one sentence of (word, tag) rows in the format of a suffix."""
    path = folder / f"{name}.{suffix}"
    record = {"words": [word for word, _ in rows], "tags": [tag for _, tag in rows]}
    if suffix == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([record]), path)
        return path
    content = {
        "conll": "".join(f"{word}\t{tag}\n" for word, tag in rows),
        "csv": "word,tag,sentence\n" + "".join(f'"{word}","{tag}",0\n' for word, tag in rows),
        "jsonl": json.dumps(record) + "\n",
        "json": json.dumps([record]),
    }
    path.write_bytes(content[suffix].encode())
    return path


FORMATS = ["conll", "csv", "jsonl", "json", "parquet"]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("tag", [" B-ORG", "B-ORG ", "\tB-ORG\t"])
def test_spaces_around_a_tag_are_no_part_of_it(tmp_path, suffix, tag):
    if suffix == "conll" and "\t" in tag:
        pytest.skip("a tab is a column there")
    data = load(written(tmp_path, [("Corvane", tag), ("Bank", "I-ORG"), ("rose", " O")], suffix))
    assert data.types == ("ORG",)
    assert data.splits["all"][0].tags == ("B-ORG", "I-ORG", "O")


@pytest.mark.parametrize("suffix", FORMATS)
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
def test_a_label_with_what_nobody_sees_is_refused_with_its_place(tmp_path, suffix, hidden, name):
    for tag in (f"B-ORG{hidden}", f"B-{hidden}ORG", f"B-O{hidden}RG", f"{hidden}B-ORG"):
        path = written(tmp_path, [("Oslo", "B-LOC"), ("Corvane", tag)], suffix)
        with pytest.raises(DataError, match=name.replace("+", r"\+")) as caught:
            load(path)
        assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("suffix", FORMATS[1:])
@pytest.mark.parametrize("control", ["\0", "\t", "\n", "\v", "\f", "\x1c", "\x7f", "\x85", "\u2028", "\u2029"])
def test_a_word_holds_no_control_character(tmp_path, suffix, control):
    path = written(tmp_path, [("Oslo", "B-LOC"), (f"Cor{control}vane", "B-ORG")], suffix)
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
    written(tmp_path, [("Acme", "B-ORG")])
    written(tmp_path, [("Acme", "B-\u041eRG")], name="test")
    with pytest.raises(DataError, match=r"holds U\+041E CYRILLIC CAPITAL LETTER O, first in test: 'Acme'"):
        load(tmp_path)
    assert look_alikes(["ORG", "LOC", "\u041e\u0420\u0413"]) is None


def test_types_that_differ_in_case_alone_are_told_of(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert load(written(tmp_path, [("Acme", "B-ORG"), ("Bo", "B-Org")])).types == ("ORG", "Org")
    assert "the types 'ORG' and 'Org' differ in case alone" in caplog.text
