"""A user's own labelled files, and names that lead nowhere."""

import gzip
import json
import logging

import pyarrow
import pyarrow.parquet
import pytest

from finkd.corpora import load
from finkd.corpora.errors import ConfigError, DataError, UnknownNameError
from finkd.corpora.loading import is_labelled


def test_a_folder_with_splits(tmp_path):
    (tmp_path / "train.conll").write_text("Acme I-ORG\nrose O\n")
    (tmp_path / "dev.csv").write_text("word,tag,sentence\nRome,I-LOC,0\n")
    (tmp_path / "test.jsonl").write_text('{"words": ["Bo"], "tags": ["I-PER"]}\n')
    (tmp_path / "README.md").write_text("not data")
    data = load(tmp_path, scheme="IOB1")
    assert data.types == ("LOC", "ORG", "PER")
    assert {split: part[0].tags for split, part in data.splits.items()} == {
        "train": ("B-ORG", "O"),
        "validation": ("B-LOC",),
        "test": ("B-PER",),
    }


def test_a_single_file_is_one_split(tmp_path):
    path = tmp_path / "notes.2024.conll"
    path.write_text("Acme B-ORG\n")
    data = load(str(path))
    assert (data.name, list(data.splits)) == (str(path), ["all"])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "found no train, dev or test file"),
        ({"dev.conll": "a B-X\n", "validation.txt": "a B-X\n"}, "found a second validation file beside dev.conll"),
        ({"train.conll": "a O\n"}, "found no entity in any split.*is the scheme IOB2"),
        ({"train.conll": "a I-X\n"}, r"train.conll:1: tag found 'I-X'"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path, files, message):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "scheme", "error", "message"),
    [
        ("x.docx", "IOB2", DataError, r"found the suffix '\.docx'; expected one of \.conll"),
        ("x.docx", "IOBES", ConfigError, "did you mean 'BIOES'"),
        ("sample-text", "IOB2", ConfigError, "sample-text: is unlabelled text; expected a labelled corpus"),
        (
            *("finer_ord", "IOB2", UnknownNameError),
            r"there is no 'finer_ord'; did you mean 'finer-ord'.* nor a file or folder",
        ),
        ("x" * 3000, "IOB2", UnknownNameError, "nor a file or folder of that name"),
        ("x\0y", "IOB2", UnknownNameError, "nor a file or folder of that name"),
    ],
)
def test_what_cannot_be_loaded_is_refused(tmp_path, monkeypatch, name, scheme, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.docx").write_text("a")
    with pytest.raises(error, match=message):
        load(name, scheme=scheme)


def test_document_0_is_a_document(tmp_path):
    names = [0, "0", "", None, 1.5]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(json.dumps({"words": ["Bo"], "tags": ["B-X"], "document": name}) for name in names))
    assert [sentence.document for sentence in load(path).splits["all"]] == ["0", "0", "", "", "1.5"]


def test_a_gap_of_a_table_is_no_document(tmp_path):
    rows = {"words": [["Bo"]] * 3, "tags": [["B-X"]] * 3, "document": [0.0, float("nan"), None]}
    pyarrow.parquet.write_table(pyarrow.table(rows), tmp_path / "x.parquet")
    assert [sentence.document for sentence in load(tmp_path / "x.parquet").splits["all"]] == ["0.0", "", ""]


@pytest.mark.parametrize("name", [True, False, [], {}, ["a"]])
def test_what_names_no_document_is_refused(tmp_path, name):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"words": ["Bo"], "tags": ["B-X"], "document": name}))
    with pytest.raises(DataError, match=r"x\.jsonl:1: found .* as document; expected a name or a number"):
        load(path)


def test_a_csv_may_name_documents_and_must_number_sentences(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("word,tag,sentence,document\nBo,B-X,0,0\nCo,O,0,0 \nDo,O,0,1\nFo,O,1,\n")
    found = [(sentence.document, sentence.words) for sentence in load(path).splits["all"]]
    assert found == [("x-0", ("Bo", "Co")), ("x-1", ("Do",)), ("", ("Fo",))]
    path.write_text("word,tag,sentence\nBo,B-X,Sentence 1\nCo,O,\n")
    with pytest.raises(DataError, match=r"x\.csv:3: found an empty sentence; expected it in every row"):
        load(path)


def test_records_that_annotators_rejected_are_no_gold(tmp_path, caplog):
    answers = ["accept", "reject", "ignore", "reject"]
    records = [{"text": "Bo", "spans": [{"start": 0, "end": 2, "label": "X"}], "answer": answer} for answer in answers]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    with caplog.at_level(logging.WARNING):
        assert len(load(path).splits["all"]) == 1
    assert "left out 1 with the answer 'ignore' and 2 with the answer 'reject'; 1 record left" in caplog.text
    path.write_text(json.dumps(records[1]))
    with pytest.raises(DataError, match="found no records; expected one that was not rejected"):
        load(path)


def test_a_span_that_stands_twice_is_one(tmp_path):
    span = {"start": 0, "end": 4, "label": "ORG"}
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"text": "Acme rose", "spans": [span, span, {**span, "label": " ORG "}]}))
    (sentence,) = load(path).splits["all"]
    assert sentence.tags == ("B-ORG", "O")


@pytest.mark.parametrize("line", ["-DOCSTART-", "-DOCSTART- -X- O O", " -DOCSTART-\tO", "\ufeff-DOCSTART- O"])
@pytest.mark.parametrize("separator", [" ", "\t"])
def test_a_document_starts_whatever_separates_its_line(tmp_path, line, separator):
    path = tmp_path / "x.conll"
    path.write_text(f"{line}\n\nBo{separator}B-X\n\n{line}\n\nCo{separator}O\n", encoding="utf-8")
    assert [(each.document, each.words) for each in load(path).splits["all"]] == [("x-1", ("Bo",)), ("x-2", ("Co",))]


def test_a_split_that_is_not_read_is_told_of(tmp_path, caplog):
    (tmp_path / "train.conll.GZ").write_bytes(gzip.compress(b"Bo B-X\n"))
    (tmp_path / "test.xml").write_text("Bo\tB-X\n")
    with caplog.at_level(logging.WARNING):
        assert list(load(tmp_path).splits) == ["train"]
    assert "test.xml: is not read; expected one of .conll" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        *[(f"a{suffix}", "", True) for suffix in (".conll", ".tsv", ".ann", ".CSV", ".parquet", ".json.gz")],
        *[(name, "", False) for name in ("a.txt", "a.txt.gz", "a.md", "notes", "a.jsonl")],
        ("a.jsonl", '\n{"words": ["Bo"], "tags": ["O"]}', True),
        ("a.csv", "sentence,word,tag\n1,Bo,O\n", True),
        ("a.csv", "title,text\nNews,Bo\n", False),
        ("a.jsonl", '{"text": "Bo", "spans": []}', True),
        ("a.jsonl", '{"text": "Bo", "label": [[0, 2, "PER"]]}', True),
        ("a.JSONL", '{"text": "Bo", "entities": []}', True),
        ("a.jsonl", '{"data": {"text": "Bo"}, "annotations": []}', True),
        ("a.jsonl", '{"text": "Bo"}', False),
        ("a.jsonl", '{"text": "Bo", "label": "pos"}', False),
        ("a.jsonl", '{"text": "Bo", "label": ["pos"]}', False),
        ("a.jsonl", '["Bo"]', False),
        ("a.jsonl", '{"text": "Bo", "label": []}', True),
        ("a.jsonl", '{"text": "Bo", "label": []}\n{"text": "Al", "label": ["sad"]}', False),
    ],
)
def test_labelled_files_are_told_from_raw_text(name, content, expected, tmp_path):
    path = tmp_path / name
    path.write_text(content)
    assert is_labelled(path) is expected
