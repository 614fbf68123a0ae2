"""A user's own labelled files, and names that lead nowhere."""

import pytest

from corpora import load
from corpora.errors import ConfigError, DataError, UnknownNameError


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


def test_an_unknown_kind_of_file(tmp_path):
    (tmp_path / "x.docx").write_text("a")
    with pytest.raises(DataError, match=r"found the suffix '\.docx'; expected one of \.conll"):
        load(tmp_path / "x.docx")


def test_unknown_names_are_suggested():
    with pytest.raises(
        UnknownNameError, match=r"there is no 'finer_ord'; did you mean 'finer-ord'.* nor a file or folder"
    ):
        load("finer_ord")


def test_text_is_no_labelled_corpus():
    with pytest.raises(ConfigError, match="sample-text: is unlabelled text; expected a labelled corpus"):
        load("sample-text")


def test_unknown_schemes_are_suggested(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'BIOES'"):
        load(tmp_path, scheme="IOBES")
