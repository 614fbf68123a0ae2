"""General tasks: files with oddities, the hub's data, questions and dialogues."""

import gzip
import json
import os
import re

import pytest

from finkd.corpora.errors import ConfigError, DataError, UnavailableError
from finkd.corpora.tasks import load_task, tasks
from finkd.corpora.tasks.dialogues import load_dialogues, read_dialogues
from finkd.corpora.tasks.questions import load_questions, read_squad
from finkd.corpora.tasks.task import Example, tsv

NAMES = list(tasks)
HERE = bool(os.environ.get("FINKD_DATA"))


@pytest.fixture
def no_data(tmp_path, monkeypatch):
    monkeypatch.setenv("FINKD_CACHE", str(tmp_path))
    monkeypatch.delenv("FINKD_DATA", raising=False)


@pytest.fixture
def hub(no_data, monkeypatch):
    """A hub that gives whatever rows a test puts there, by split."""
    import datasets

    rows = {}
    monkeypatch.setattr("finkd.corpora.tasks.is_offline", lambda: False)
    monkeypatch.setattr(datasets, "load_dataset", lambda path, config, split: datasets.Dataset.from_list(rows[split]))
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_says_where_it_comes_from(name):
    task = tasks.get(name)
    assert task.name == name
    for said in (task.origin, task.licence, task.reference):
        assert said.strip()
    assert all(re.fullmatch(r"[0-9a-f]{64}", source.sha256) for source in task.files.values())
    assert task.hub.splits["train"] == "train"
    assert len(task.hub.texts) in (1, 2)
    assert len(task.labels) != 1


@pytest.mark.parametrize("name", NAMES)
def test_missing_data_is_one_line(name, no_data, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnavailableError, match=r"set FINKD_DATA to a folder that holds them$") as caught:
        load_task(name)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not HERE, reason="needs FINKD_DATA")
@pytest.mark.parametrize("name", NAMES)
def test_the_files_hold_what_the_task_says(name):
    data = load_task(name)
    for split, examples in data.splits.items():
        assert examples, split
        for example in examples:
            assert example.first.strip()
            assert example.label in range(len(data.labels)) if data.labels else 0 <= example.label <= 5
    assert data.is_paired == (len(tasks.get(name).hub.texts) == 2)
    assert data.scored
    assert set(data.samples) <= set(data.splits)


@pytest.mark.skipif(not HERE, reason="needs FINKD_DATA")
def test_quotation_marks_do_not_swallow_lines():
    """Read with quoting, SST-2, CoLA, MRPC and QNLI lose rows; these are the counts of their SOURCE.md."""
    counts = {"sst-2": (67349, 872), "cola": (8551, 1043), "mrpc": (3667, 408), "sts-b": (5749, 1500)}
    for name, (train, dev) in counts.items():
        data = load_task(name)
        assert (len(data.splits["train"]), len(data.splits["validation"])) == (train, dev)


def test_a_table_with_a_byte_order_mark_and_quotation_marks(tmp_path):
    path = tmp_path / "dev.tsv.gz"
    path.write_bytes(gzip.compress('\ufeffQuality\t#1 String\r\n1\t" unbalanced\r\n0\tplain\r\n'.encode()))
    rows = [{"Quality": "1", "#1 String": '" unbalanced'}, {"Quality": "0", "#1 String": "plain"}]
    assert list(tsv(path)) == rows


def test_the_hub_gives_all_of_a_task(hub):
    hub["train"] = [{"premise": "It rains.", "hypothesis": "It is wet.", "label": 0, "idx": 0}]
    hub["validation_matched"] = hub["validation_mismatched"] = hub["train"]
    data = load_task("mnli")
    assert data.scored == ("matched", "mismatched")
    assert data.samples == ()
    assert data.splits["matched"] == [Example("It rains.", "It is wet.", 0.0)]


def test_the_hubs_data_with_other_columns_or_labels_are_refused(hub):
    hub["train"] = hub["validation"] = [{"text": "x", "label": 1}]
    with pytest.raises(DataError, match=r"nyu-mll/glue sst2 train: no column sentence \(its columns: text, label\)"):
        load_task("sst-2")
    hub["train"] = [{"sentence": "x", "label": 2}]
    with pytest.raises(DataError, match="row 0: label 2, expected 0 to 1"):
        load_task("sst-2")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionError("no route\nto it"), r"is not on the hub, .* \(no route\)"),
        (ValueError("Couldn't find cache for nyu-mll/glue for config 'rte'"), r"the hub cannot be reached \(Couldn't"),
    ],
)
def test_a_hub_that_does_not_answer_is_one_line(error, said, no_data, monkeypatch):
    import datasets

    def fails(*_, **__):
        raise error

    monkeypatch.setattr("finkd.corpora.tasks.is_offline", lambda: False)
    monkeypatch.setattr(datasets, "load_dataset", fails)
    with pytest.raises(UnavailableError, match=rf"rte: .* nyu-mll/glue rte train: {said}"):
        load_task("rte")


def squad(answers, **more):
    asked = {"id": "q", "question": "Who?", "answers": answers, **more}
    return {"data": [{"title": "T", "paragraphs": [{"context": "Ann met Bob.", "qas": [asked]}]}]}


def test_questions_of_both_versions(tmp_path):
    path = tmp_path / "dev.json"
    path.write_text(json.dumps(squad([{"text": "Ann", "answer_start": 0}] * 2)))
    (question,) = read_squad(path)
    assert question.answers == (("Ann", 0),)
    path.write_text(json.dumps(squad([], is_impossible=True, plausible_answers=[{"text": "Bob", "answer_start": 8}])))
    assert read_squad(path)[0].answers == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "not in SQuAD's format"),
        ("{", r"dev\.json:1: not JSON"),
        ('{"data": []}', "holds no question"),
        (json.dumps(squad([{"text": "Bob", "answer_start": 0}])), "answer 'Bob' does not stand at 0"),
    ],
)
def test_broken_questions_are_refused(tmp_path, content, said):
    path = tmp_path / "dev.json"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        read_squad(path)


def test_a_folder_of_questions_needs_both_files(tmp_path):
    (tmp_path / "train-v1.1.json").write_text(json.dumps(squad([{"text": "Ann", "answer_start": 0}])))
    with pytest.raises(ConfigError, match=r"expected one file dev\*\.json \(found 0\)"):
        load_questions(str(tmp_path))


@pytest.mark.skipif(not HERE, reason="needs FINKD_DATA")
def test_xquad_is_split_by_article():
    data = load_questions()
    train, held_out = ({question.article for question in data.splits[split]} for split in ("train", "validation"))
    assert sum(map(len, data.splits.values())) == 1190
    assert not train & held_out
    assert 0.1 < len(data.splits["validation"]) / 1190 < 0.3


def test_dialogues_of_a_user(tmp_path):
    rows = [{"fname": "a", "dialogue": "A: hi\nB: hi", "summary1": "They greet.", "summary2": "A greets B."}]
    for split in ("train", "dev", "test"):
        (tmp_path / f"my.{split}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = load_dialogues(str(tmp_path))
    assert data.splits["validation"][0].summaries == ("They greet.", "A greets B.")
    (tmp_path / "my.test.jsonl").unlink()
    with pytest.raises(ConfigError, match=r"expected one file test\.jsonl or test\.csv \(found 0\)"):
        load_dialogues(str(tmp_path))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"dialogue": "A: hi", "summary": " "}, "row 1: the summary is empty"),
        ({"dialogue": "", "summary": "x"}, "row 1: the dialogue is empty"),
        ({"text": "A: hi", "summary": "x"}, r"row 1: no column dialogue \(its columns: text, summary\)"),
    ],
)
def test_broken_dialogues_are_refused(tmp_path, row, said):
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(DataError, match=said):
        read_dialogues(path)
