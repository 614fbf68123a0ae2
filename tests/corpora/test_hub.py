"""Datasets of the hub, read by the real library from folders."""

import pytest
from datasets import ClassLabel, Dataset, Features, Sequence, Value

from finkd import corpora
from finkd.corpora.errors import ConfigError, DataError, UnavailableError

pytestmark = pytest.mark.slow

NAMES = ["O", "B-ORG", "I-ORG", "B-PER"]
ROWS = {"tokens": [["Acme", "Corp", "paid", "Jane"], ["Bravo", "fell"]], "ner_tags": [[1, 2, 0, 3], [1, 0]]}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)


def written(folder, splits, features=None):
    folder.mkdir()
    for split, rows in splits.items():
        Dataset.from_dict(rows, features=features).to_parquet(folder / f"{split}.parquet")
    return f"hf:{folder}"


NUMBERED = Features({"tokens": Sequence(Value("string")), "ner_tags": Sequence(ClassLabel(names=NAMES))})


def test_numbers_become_the_names_of_the_dataset(tmp_path):
    data = corpora.load(written(tmp_path / "data", {"train": ROWS, "validation": ROWS, "test": ROWS}, NUMBERED))
    assert sorted(data.splits) == ["test", "train", "validation"]
    assert data.types == ("ORG", "PER")
    first = data.splits["train"][0]
    assert first.words == ("Acme", "Corp", "paid", "Jane")
    assert first.tags == ("B-ORG", "I-ORG", "O", "B-PER")


def test_tags_may_be_text_and_spans_are_read_too(tmp_path):
    tags = [[NAMES[number] for number in row] for row in ROWS["ner_tags"]]
    data = corpora.load(written(tmp_path / "words", {"train": {"words": ROWS["tokens"], "tags": tags}}))
    assert data.splits["train"][1].tags == ("B-ORG", "O")
    spans = {"text": ["Acme fell."], "spans": [[{"start": 0, "end": 4, "label": "ORG"}]]}
    data = corpora.load(written(tmp_path / "spans", {"train": spans}))
    assert data.splits["train"][0].tags == ("B-ORG", "O", "O")


def test_an_experiment_may_name_one(tmp_path):
    corpora.loading.check_exists(written(tmp_path / "data", {"train": ROWS}, NUMBERED))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"sentence": ["Acme fell."]}, r"data train row 0: found the keys sentence"),
        ({"tokens": [["Acme"]], "ner_tags": [["I-ORG"]]}, "row 0: tag 0 found 'I-ORG'"),
    ],
)
def test_what_is_wrong_is_said_with_the_row(rows, said, tmp_path):
    with pytest.raises(DataError, match=said):
        corpora.load(written(tmp_path / "data", {"train": rows}))


@pytest.mark.parametrize("number", [-1, -100, None])
def test_a_word_without_a_label_is_said_with_the_row(number, tmp_path):
    name = written(tmp_path / "data", {"train": {**ROWS, "ner_tags": [[1, 2, 0, 3], [1, number]]}}, NUMBERED)
    with pytest.raises(DataError, match=rf"data train row 1: ner_tags found {number}; expected 0 to 3"):
        corpora.load(name)


def test_a_dataset_that_is_nowhere_is_said(tmp_path):
    with pytest.raises(UnavailableError, match="hf:nobody/nothing: is not on the hub, or the hub cannot be reached"):
        corpora.load("hf:nobody/nothing")


def test_an_unknown_configuration_is_said(tmp_path):
    name = written(tmp_path / "data", {"train": ROWS}, NUMBERED)
    with pytest.raises(ConfigError, match="name one as hf:"):
        corpora.load(f"{name}:other")


@pytest.mark.parametrize(
    "damage",
    [
        {"train.jsonl": '{"tokens": ["Acme"], "tags": ["B-ORG"]}\n{oops\n'},
        {"train.jsonl": '{"tokens": ["Acme"], "tags": ["B-ORG"]}\n', "test.csv": "a,b\n1,2\n"},
        {"train.jsonl": ""},
        {"train.jsonl": '{"tokens": ["Acme"], "tags": ["B-ORG"]}\n', "README.md": "---\n{{\n---\n"},
    ],
    ids=["a broken line", "two formats", "an empty file", "a broken card"],
)
def test_damaged_data_are_refused(damage, tmp_path):
    for name, content in damage.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=f"^hf:{tmp_path}: cannot be read \\(.+\\)$"):
        corpora.load(f"hf:{tmp_path}")


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(UnavailableError, match=r"is not on the hub, or the hub cannot be reached \(.+\)"):
        corpora.load(f"hf:{tmp_path}")
