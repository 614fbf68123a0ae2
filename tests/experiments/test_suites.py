"""``finkd evaluate --suite`` and ``finkd human-eval`` by the real command, on data that tests put on the hub."""

import json
from dataclasses import replace

import pytest

from finkd.corpora.errors import ConfigError
from finkd.corpora.tasks.dialogues import Dialogue
from finkd.corpora.tasks.questions import Question, QuestionData
from finkd.corpora.tasks.task import Example, SplitData, TaskData
from finkd.experiments.suites import suites
from finkd.experiments.suites.evaluate import evaluate_suite
from finkd.experiments.suites.records import _key, check_name, computed_once
from finkd.experiments.suites.request import Request
from finkd.experiments.suites.texts import _classic, _untrained
from finkd.models.heads import with_masked_head
from finkd.models.loading import load_model
from finkd.progress import Progress
from finkd.suites.classifier import TextSettings
from finkd.suites.record import load_task_records
from tests.finkd.toys import tiny_model
from tests.reports.tasks import task_record
from tests.toys import TEXTS

pytestmark = pytest.mark.slow

QUICK = ("--set", "schedule={epochs: 2, learning_rate: 1e-3, precision: fp32}")
RTE = ("entailment", "not_entailment")
TEACHER = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture
def student(tmp_path):
    folder = tmp_path / "student"
    tiny_model(layers=1, seed=4).save(folder)
    return folder


def test_glue_from_end_to_end(finkd, teacher, student, hub, tmp_path):
    out = tmp_path / "runs" / "glue"
    result = finkd("evaluate", teacher, "--suite", "glue", "--as", "teacher", "--out", out, *QUICK, code=0)
    for heading in ("CoLA", "MNLI", "MRPC", "QNLI", "QQP", "RTE", "SST-2", "STS-B", "WNLI", "Average"):
        assert heading in result.stdout
    first = {path: path.read_bytes() for path in out.rglob("*.task.json")}
    assert len(first) == 10  # MNLI has two splits
    result = finkd(
        *("evaluate", student, "--suite", "glue", "--out", out, "--task", "rte", "--task", "sts-b"),
        *("--teacher", teacher, "--seeds", "1,2", "--json", *QUICK),
        code=0,
    )
    figures = json.loads(result.stdout)
    assert [(each["task"], each["seed"]) for each in figures] == [("sts-b", 1), ("sts-b", 2), ("rte", 1), ("rte", 2)]
    assert {each["method"] for each in figures} == {f"distilled from {teacher.name}"}
    assert {path: path.read_bytes() for path in first} == first
    learnt = list((tmp_path / "runs" / "store").glob("*/model.safetensors"))
    assert len(learnt) == 9 + 4 + 2  # the teachers of seed 1 were there
    rte = out / "models" / f"rte-student-distilled-from-{teacher.name}-seed-1"
    assert load_model(rte, for_texts=True).labels == RTE
    assert with_masked_head(load_model(rte), 1).labels == ()  # what others load is the encoder
    result = finkd("report", out, code=0)
    assert (out / "glue.tex").is_file()
    assert (out / "report.html").is_file()


def test_the_same_again_is_not_computed_again(finkd, teacher, hub, tmp_path, monkeypatch):
    command = ("evaluate", teacher, "--suite", "glue", "--task", "wnli", "--out", tmp_path / "glue", *QUICK)
    finkd(*command, code=0)
    monkeypatch.setattr("finkd.experiments.suites.texts.learn", lambda *_: pytest.fail("was trained again"))
    finkd(*command, code=0)
    monkeypatch.undo()


def test_a_record_that_is_found_takes_the_role_that_is_asked_for(tmp_path):
    def record(role):
        frame = task_record("glue", "cola", "a", {"matthews": 0.5}, role=role)
        return computed_once(
            Request(model="m", system="a", role=role, out=tmp_path), frame, {"model": "m"}, lambda: frame
        )

    first = record("teacher")
    assert record("student") == replace(first, role="student")
    assert load_task_records([tmp_path]) == [replace(first, role="student")]


def test_a_second_model_of_a_name_does_not_replace_the_first(teacher, tmp_path):
    request = Request(model=str(teacher), system="a", role="student", out=tmp_path)
    frame = task_record("glue", "cola", "a", {"matthews": 0.5})
    check_name(request, "m")
    computed_once(request, frame, {"model": "m"}, lambda: frame)
    check_name(request, "m")
    check_name(replace(request, system="b"), "other")
    with pytest.raises(ConfigError, match="a is another model; name this one with --as"):
        check_name(replace(request, system="A"), "other")
    (path,) = tmp_path.rglob("*.task.json")
    task_record("glue", "cola", "a", {"matthews": 0.5}).save(path)  # as earlier versions wrote it
    check_name(request, "other")


def test_a_model_without_a_name_is_called_by_its_folder(teacher, tmp_path, monkeypatch):
    monkeypatch.setattr(suites, "get", lambda name: lambda request: [request.system])
    monkeypatch.setattr("finkd.experiments.suites.evaluate.check_suites", lambda request, names: None)
    monkeypatch.chdir(teacher)
    assert evaluate_suite(".", "glue", tmp_path / "out") == [teacher.name]
    replace(task_record("glue", "cola", teacher.name, {}), origin="m").save(tmp_path / "out/records/a.task.json")
    with pytest.raises(ConfigError, match="is another model"):
        evaluate_suite(".", "glue", tmp_path / "out")
    with pytest.raises(ConfigError, match="--as: expected a letter or digit"):
        evaluate_suite(".", "glue", tmp_path / "out", name="__")


def test_a_record_of_an_earlier_version_is_written_anew(tmp_path):
    request = Request(model="m", system="a", role="student", out=tmp_path)
    frame = task_record("glue", "cola", "a", {"matthews": 0.5})
    computed_once(request, frame, {"model": "m"}, lambda: frame)
    (path,) = tmp_path.rglob("*.task.json")
    path.write_text('{"version": 1}')
    check_name(request, "m")
    made = computed_once(request, frame, {"model": "m"}, lambda: frame)
    assert load_task_records([tmp_path]) == [made]


def test_events_of_a_suite_name_system_and_task(tmp_path):
    seen = []
    request = Request(model="m", system="a", role="student", out=tmp_path, listen=seen.append)
    request.watched("cola", 1, "finetune")(Progress(1, 2, 0.5, 1, 1.0))
    frame = task_record("glue", "cola", "a", {"matthews": 0.5})
    computed_once(request, frame, {}, lambda: frame)
    assert {(event.system, event.task, event.seed) for event in seen} == {("a", "cola", 1)}
    assert len(seen) == 3


def test_a_task_whose_training_was_cut_off_goes_on(teacher, hub, tmp_path, monkeypatch):
    monkeypatch.setattr("finkd.experiments.suites.learner.CHECKPOINT_SECONDS", 0.0)
    settings = {"schedule": {"epochs": 4, "batch_tokens": 64, "precision": "fp32"}}
    whole = tried(teacher, tmp_path / "whole" / "glue", settings, [])
    steps = []
    with pytest.raises(KeyboardInterrupt):
        tried(teacher, tmp_path / "cut" / "glue", settings, steps, stop=3)
    assert tried(teacher, tmp_path / "cut" / "glue", settings, steps) == whole
    assert steps[:4] == [1, 2, 3, 3]  # the last checkpoint was that of the second step
    assert steps[4] == 4
    assert not list((tmp_path / "cut" / "store").glob("*.part-*"))


def tried(teacher, out, settings, steps, stop=None):
    """The weights of a model that learns WNLI; its steps are noted, and it is stopped at one of them."""

    def listen(event):
        if event.progress is not None:
            steps.append(event.progress.step)
            if steps[-1] == stop:
                raise KeyboardInterrupt

    evaluate_suite(teacher, "glue", out, tasks=["wnli"], settings=settings, listen=listen)
    (weights,) = (out / "models").glob("wnli-*/model.safetensors")
    return weights.read_bytes()


def test_a_teacher_labels_copies_once_for_all_students(finkd, teacher, student, hub, tmp_path):
    def labels_kept_after(model):
        how = ("--teacher", teacher, "--set", "distill.similar_words={copies: 3, frequent: 0}")
        finkd("evaluate", model, "--suite", "glue", "--task", "rte", "--out", tmp_path / "glue", *how, *QUICK, code=0)
        return len(list((tmp_path / "store").glob("*/labels.safetensors")))

    assert labels_kept_after(student) == 1
    other = tmp_path / "other"
    tiny_model(layers=2, seed=5).save(other)
    assert labels_kept_after(other) == 1


def test_the_study_of_sentiment(finkd, teacher, hub, tmp_path, monkeypatch):
    monkeypatch.setattr("finkd.suites.linear_classifiers.TfidfVectorizer", _every_word)
    result = finkd("evaluate", teacher, "--suite", "sst2", "--out", tmp_path / "sst2", *QUICK, code=0)
    methods = {record.method for record in load_task_records([tmp_path / "sst2"])}
    assert methods == {"fine-tuned", "frozen, linear probe", "untrained head", "tf-idf + logistic regression", "NB-SVM"}
    lines = (tmp_path / "sst2" / "disagreements.csv").read_text().splitlines()
    assert lines[0].startswith("text,gold,")
    assert all(line.count("positive") and line.count("negative") for line in lines[1:])
    assert (tmp_path / "sst2" / "disagreements.md").read_text().startswith("**Where systems disagree")
    for title in ("**SST-2**", "what was taken for what", "how often two systems say the same"):
        assert title in result.stdout


def test_records_of_nb_svm_by_another_formula_are_not_taken(teacher, tmp_path):
    rows = [Example(text, "", label) for text, label in (("good film", 1.0), ("bad film", 0.0))] * 2
    data = TaskData("sst-2", {"train": rows, "validation": rows}, labels=("bad", "good"))
    request = Request(model=str(teacher), system="a", role="student", out=tmp_path)
    for record in _classic(request, data):
        assert (record.key == _key(record, {"data": data.fingerprint})) is (record.method != "NB-SVM")


def test_what_is_read_of_long_texts_decides_the_records_of_a_frozen_encoder(teacher, tmp_path, monkeypatch):
    rows = [Example(text, "", label) for text, label in (("good film", 1.0), ("bad film", 0.0))] * 2
    data = TaskData("sst-2", {"train": rows, "validation": rows}, labels=("bad", "good"))
    request = Request(model=str(teacher), system="a", role="student", out=tmp_path)
    seen = []
    monkeypatch.setattr(
        "finkd.experiments.suites.texts.computed_once", lambda request, frame, decides, make: seen.append(decides)
    )
    for settings in (TextSettings(), TextSettings(long="head+tail")):
        list(_untrained(request, data, settings))
    head, both = seen[0], seen[-1]
    assert head == {"model": request.origin, "data": data.fingerprint, "limit": 128}  # as earlier versions
    assert both == {**head, "long": "head+tail"}


def _every_word(**options):
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(**{**options, "min_df": 1})


def test_long_reviews_are_counted(finkd, teacher, hub, tmp_path):
    command = ("evaluate", teacher, "--suite", "imdb", "--out", tmp_path / "imdb", *QUICK)
    for long in ("head", "head+tail", "windows"):
        result = finkd(*command, "--set", "limit=16", "--set", f"long={long}", "--json", code=0)
        (figures,) = json.loads(result.stdout)
        assert figures["too_long"] == 6
    finkd(*command, "--set", "long=middle", code=2)


def test_questions(finkd, teacher, student, tmp_path, monkeypatch):
    asked = [Question(str(n), "Who lent?", TEXTS[n], ((TEXTS[n][:6], 0),) if n < 4 else (), "t") for n in range(6)]
    data = QuestionData("toy", {"train": asked, "validation": asked})
    monkeypatch.setattr("finkd.experiments.suites.squad.load_questions", lambda folder: data)
    out = tmp_path / "squad"
    result = finkd("evaluate", teacher, "--suite", "squad", "--as", "teacher", "--out", out, *QUICK, code=0)
    assert "F1 without" in result.stdout
    result = finkd(
        "evaluate", student, "--suite", "squad", "--out", out, "--teacher", teacher, "--json", *QUICK, code=0
    )
    (figures,) = json.loads(result.stdout)
    assert set(figures["metrics"]) == {"exact", "f1", "f1_with_answer", "f1_without_answer", "threshold"}
    other = tmp_path / "other"
    other.mkdir()
    from tests.toys import bpe

    tiny_model(bpe()).save(other)
    result = finkd("evaluate", other, "--suite", "squad", "--out", out, "--teacher", teacher, code=2)
    assert "can be taught only within one tokenizer" in result.stderr


@pytest.fixture
def dialogues(monkeypatch):
    made = [Dialogue(str(n), f"Ann: {TEXTS[n]}\nBob: Yes.", (TEXTS[n], "Ann talks.")) for n in range(6)]
    data = SplitData("toy", {"train": made, "validation": made, "test": made}, ("train",))
    monkeypatch.setattr("finkd.experiments.suites.summarization.load_dialogues", lambda folder: data)
    monkeypatch.setattr("finkd.corpora.tasks.dialogues.load_dialogues", lambda folder: data)
    return data


SIZES = (
    "sizes={vocab_size: 400, hidden_size: 256, intermediate_size: 1024, num_hidden_layers: 1, num_attention_heads: 8}"
)
SHORT = ("--set", SIZES, "--set", "longest=3", "--set", "lora.schedule.epochs=1")


def test_random_weights_are_measured_and_not_scored(finkd, dialogues, tmp_path, monkeypatch):
    monkeypatch.setattr("finkd.experiments.suites.summarization.side_by_side", in_this_process)
    out = tmp_path / "summarization"
    result = finkd(
        *("evaluate", "microsoft/phi-2", "--suite", "summarization", "--random-weights", "--out", out, *SHORT),
        *("--set", "bits=[bf16, nf4]", "--set", "beams=[1]"),
        code=0,
    )
    records = {record.method: record for record in load_task_records([out])}
    assert set(records) == {
        "lead-3",
        "TextRank",
        *(f"{way}, bf16, greedy" for way in ("zero-shot", "one-shot", "lora")),
        "lora, nf4, greedy",
    }
    few, whole = records["lora, nf4, greedy"].resources, records["lora, bf16, greedy"].resources
    assert few.bytes < whole.bytes
    assert few.peak_memory > 0
    assert records["lora, nf4, greedy"].score is None
    assert records["lora, nf4, greedy"].texts == ()
    assert records["lead-3"].score > 0.1
    assert "Rows without scores: random weights" in result.stdout


def in_this_process(work, items, jobs, listen):
    """``side_by_side`` without the seconds that a process takes to start; below, there is one."""
    return {item: work(item, listen) for item in items}


def test_a_writer_is_scored_and_rated(finkd, dialogues, tmp_path):
    from finkd.suites.summaries.writers import write_random

    folder = tmp_path / "phi"
    folder.mkdir()
    sizes = {"vocab_size": 400, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1}
    write_random(folder, list(TEXTS), {**sizes, "num_attention_heads": 2})
    out, rating = tmp_path / "summarization", tmp_path / "rating"
    result = finkd(
        *("evaluate", folder, "--suite", "summarization", "--out", out, "--set", "bits=[fp32]", "--set", "longest=3"),
        *("--set", "methods=[zero-shot, lora]", "--set", "lora.schedule.epochs=1"),
        code=0,
    )
    assert (out / "models" / "toy-phi-lora-fp32-seed-1" / "adapter_model.safetensors").is_file()
    assert all(record.score is not None for record in load_task_records([out]))
    prompted = ("--method", "zero-shot, fp32, greedy", "--method", "zero-shot, fp32, 4 beams")
    result = finkd("human-eval", "form", out, "--items", 2, "--out", rating, "--method", "lead-3", *prompted, code=0)
    key = json.loads((rating / "key.json").read_text())
    assert {item["system"] for item in key["items"]} == {
        "lead-3",
        "phi, zero-shot, fp32, greedy",
        "phi, zero-shot, fp32, 4 beams",
    }
    grades = {item["name"]: {"fluency": 3, "faithfulness": 4, "coverage": 5} for item in key["items"]}
    for name in ("a", "b"):
        file = {"form": key["form"], "rater": name, "ratings": grades}
        (rating / f"{name}.json").write_text(json.dumps(file))
    result = finkd("human-eval", "score", rating / "a.json", rating / "b.json", "--key", rating / "key.json", code=0)
    assert "| lead-3 | 3.00 ± 0.00 (4) | 4.00 ± 0.00 (4) | 5.00 ± 0.00 (4) | 4.00 |" in result.stdout
    result = finkd("human-eval", "score", rating / "a.json", rating / "a.json", "--key", rating / "key.json", code=2)
    assert "two files are of the same rater" in result.stderr
    result = finkd("human-eval", "form", out, "--method", "nobody", code=2)
    assert "there is no 'nobody'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "expected either --corpus CORPUS or --suite SUITE"),
        (("--corpus", "sample", "--suite", "glue"), "expected either --corpus CORPUS or --suite SUITE"),
        (("--suite", "all", "--task", "rte"), "--suite all: tasks and settings are those of one suite"),
        (("--suite", "glue", "--task", "cole"), "did you mean 'cola'?"),
        (("--suite", "glue", "--seeds", "one"), "--seeds: expected whole numbers"),
        (("--suite", "glue", "--seeds=-1"), "seeds: expected numbers from 0 (got [-1])"),
        (("--suite", "glue", "--seeds", "1,1"), "seeds: expected different numbers, at least one (got [1, 1])"),
        (("--suite", "glue", "--task", "rte", "--set", "limmit=3"), "limmit"),
        (("--suite", "glue", "--set", "distill.states=tinybert"), "distill: needs a teacher that has learned the task"),
        (("--suite", "summarization", "--teacher", "x"), "nothing of this suite learns from one"),
    ],
)
def test_mistakes_are_one_line(finkd, teacher, hub, tmp_path, arguments, said):
    result = finkd("evaluate", teacher, "--out", tmp_path / "out", *arguments, code=2)
    assert said in result.stderr


def test_all_suites_are_those_that_suit_the_model(teacher, tmp_path, monkeypatch):
    monkeypatch.setattr(suites, "get", lambda name: lambda request: [name])
    monkeypatch.setattr("finkd.experiments.suites.evaluate.check_suites", lambda request, names: None)
    assert evaluate_suite(teacher, "all", tmp_path / "out") == ["glue", "sst2", "squad", "inference", "imdb"]
    (tmp_path / "config.json").write_text('{"model_type": "phi", "architectures": ["PhiForCausalLM"]}')
    assert evaluate_suite(tmp_path, "all", tmp_path / "out") == ["summarization"]


@pytest.fixture
def not_trained(monkeypatch):
    for where in ("texts.learn", "squad.learn_answers"):
        monkeypatch.setattr(f"finkd.experiments.suites.{where}", lambda *_: pytest.fail("was trained"))


@pytest.fixture
def questions(monkeypatch):
    asked = [Question(str(n), "Who lent?", TEXTS[n], ((TEXTS[n][:6], 0),), "t") for n in range(6)]
    data = QuestionData("toy", {"train": asked, "validation": asked})
    monkeypatch.setattr("finkd.experiments.suites.squad.load_questions", lambda folder: data)


@pytest.fixture
def hub_without(hub, monkeypatch):
    """The hub has all tasks but one."""
    import datasets

    given = datasets.load_dataset

    def but(missing):
        def rows(path, config, split):
            if config == missing:
                raise OSError("nowhere")
            return given(path, config, split)

        monkeypatch.setattr(datasets, "load_dataset", rows)

    return but


@pytest.mark.parametrize(("suite", "missing"), [("glue", "mrpc"), ("all", "stsb")])
def test_missing_data_are_found_before_anything_is_trained(
    finkd, teacher, hub_without, questions, not_trained, tmp_path, suite, missing
):
    hub_without(missing)
    result = finkd("evaluate", teacher, "--suite", suite, "--out", tmp_path / "out", code=1)
    assert "is not on the hub, or the hub cannot be reached" in result.stderr
    assert missing in result.stderr.replace("/", " ").split()


def test_all_suites_leave_questions_out_where_the_teacher_has_another_tokenizer(
    teacher, hub, questions, tmp_path, monkeypatch, caplog
):
    from tests.toys import bpe

    (tmp_path / "other").mkdir()
    tiny_model(bpe()).save(tmp_path / "other")
    monkeypatch.setattr(suites, "get", lambda name: lambda request: [name])
    run = evaluate_suite(tmp_path / "other", "all", tmp_path / "out", teacher=str(teacher))
    assert run == ["glue", "sst2", "inference", "imdb"]
    assert "squad is left out: " in caplog.text
    with pytest.raises(ConfigError, match="can be taught only within one tokenizer"):
        evaluate_suite(tmp_path / "other", "squad", tmp_path / "out", teacher=str(teacher))
