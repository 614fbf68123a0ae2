"""``finkd run`` on a configuration of encoders, on data that tests put on the hub."""

import json
import pickle
import shutil
from collections import Counter

import pytest
import torch
import yaml

from finkd.corpora.tasks.questions import Question, QuestionData
from finkd.experiments.suites.encoder_experiment import load_encoder_experiment
from finkd.experiments.suites.encoders import Students
from finkd.models.loading import load_model
from finkd.store import Store
from finkd.suites.record import load_task_records
from tests.finkd.toys import tiny_model
from tests.toys import TEXTS

TRIPLE = (
    "masked-teacher > truncate-layers(token_types=false) > distill:general(teacher=masked-teacher, losses=distilbert)"
)
TINYBERT = {"states": "tinybert", "states_schedule": {"epochs": 1}, "similar_words": {"copies": 1}}
QUICK = {"schedule": {"epochs": 1, "precision": "fp32"}}


@pytest.fixture
def settings(teacher):
    return {
        "name": "toy-encoders",
        "teacher": str(teacher),
        "text": {"corpus": "sample-text", "sentences": 20},
        "systems": {
            "every other layer": {"strategy": "truncate-layers(token_types=false)"},
            "triple loss": {
                "strategy": TRIPLE,
                "task_distillation": True,
                "settings": {"bits": 8, "distill": TINYBERT},
            },
        },
        "suites": {
            "glue": {"tasks": ["cola", "mrpc"], "settings": QUICK},
            "imdb": {"settings": QUICK},
            "squad": {"settings": QUICK},
            "inference": {},
        },
    }


@pytest.fixture
def config(settings, tmp_path):
    def write(**changes):
        path = tmp_path / "encoders.yaml"
        path.write_text(yaml.safe_dump({**settings, **changes}))
        return path

    return write


@pytest.mark.slow
def test_from_end_to_end(finkd, config, teacher, hub, tmp_path, monkeypatch):
    asked = [Question(str(n), "Who lent?", TEXTS[n], ((TEXTS[n][:6], 0),), "t") for n in range(6)]
    data = QuestionData("toy", {"train": asked, "validation": asked})
    monkeypatch.setattr("finkd.experiments.suites.squad.load_questions", lambda folder: data)
    out = tmp_path / "runs" / "distilbert"
    result = finkd("run", config(), "--out", out, code=0)
    records = load_task_records([out])
    assert {record.suite for record in records} == {"glue", "imdb", "squad", "inference"}
    assert {(record.system, record.role) for record in records} == {
        (teacher.name, "teacher"),
        ("every other layer", "student"),
        ("triple loss", "student"),
    }
    taught = {record.system for record in records if record.method == f"distilled from {teacher.name}"}
    assert taught == {"triple loss"}
    made = Counter(entry.kind for entry in Store(out.parent / "store").entries())
    assert made["finetune mrpc"] == 2  # the teacher, whatever the bits of its student, and the other student
    sizes = {record.system: record.resources.bytes for record in records if record.suite == "squad"}
    assert sizes["triple loss"] < 0.7 * sizes["every other layer"]
    (learnt,) = [record for record in records if (record.system, record.task) == ("triple loss", "imdb")]
    assert learnt.config["distill"]["states"] == "tinybert"
    for title in ("CoLA, MRPC and IMDb", "Time of a pass over STS-B", "DistilBERT, published by others"):
        assert title in result.stdout
    assert "TinyDistilBERT" in (out / "distilbert-published.md").read_text(encoding="utf-8")
    student = load_model(out / "models" / "triple-loss-seed-1")
    assert student.encoder.config.model_type == "distilbert"
    assert student.has_masked_head
    assert "not finished" not in finkd("report", out, "--out", tmp_path / "report", code=0).stderr
    for path in shutil.copytree(out, tmp_path / "half").rglob("*.task.json"):
        if "triple" in path.name:
            path.unlink()
    half = finkd("report", tmp_path / "half", "--out", tmp_path / "report", code=0)
    assert "not finished; without triple loss (seed 1)" in half.stderr
    other = finkd("run", config(), "--out", out, "--set", "text.sentences=10", code=2)
    assert "holds results of another configuration" in other.stderr
    before = {path: path.read_bytes() for path in out.rglob("*.task.json")}
    again = finkd("run", config(), "--out", out, "--only", "triple loss", "--json", code=0)
    assert {each["system"] for each in json.loads(again.stdout)["records"]} == {each.system for each in records}
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.slow
def test_a_student_of_another_start_learns_from_the_teacher(finkd, config, hub, tmp_path):
    tiny_model(layers=1, width=16).save(tmp_path / "small")
    systems = {
        "begun": {"strategy": "truncate-layers(layers=[0])", "start": str(tmp_path / "small")},
        "taught": {"strategy": "distill:text", "start": str(tmp_path / "small")},
    }
    out = tmp_path / "runs" / "other"
    finkd("run", config(systems=systems, suites={"inference": {}}), "--out", out, code=0)
    listed = json.loads(finkd("store", "ls", "--store", out.parent / "store", "--json", code=0).stdout)
    used = {row["kind"]: row["used"] for row in listed}
    assert used["truncate-layers"]
    assert used["distill:text"]
    begun, taught = (load_model(out / "models" / f"{name}-seed-1") for name in systems)
    assert begun.encoder.config.hidden_size == taught.encoder.config.hidden_size == 16
    assert not torch.equal(begun.embeddings.weight, taught.embeddings.weight)


@pytest.mark.slow
def test_compressed_students_learn_tasks(finkd, config, hub, tmp_path):
    stages = {
        "pruned": "compress:prune(by=magnitude)",
        "decomposed": "compress:decompose(budget=0.5, read=text)",
        "shared": "compress:tie-layers",
        "narrow": "truncate-layers(width=16)",
    }
    systems = {name: {"strategy": stage, "task_distillation": True} for name, stage in stages.items()}
    suites = {"glue": {"tasks": ["cola"], "settings": QUICK}, "inference": {}}
    out = tmp_path / "runs" / "compressed"
    finkd("run", config(systems=systems, suites=suites), "--out", out, code=0)
    records = load_task_records([out])
    sizes = {record.system: record.resources.parameters for record in records if record.suite == "glue"}
    assert {name: sizes[name] < sizes["teacher0"] for name in stages} == dict.fromkeys(stages, True), sizes


@pytest.mark.slow
def test_a_student_is_made_of_the_teacher_that_has_learned_the_task(finkd, config, hub, tmp_path):
    """With all layers and nothing to learn, it says what its teacher says."""
    part = {"task_distillation": True, "from_fine_tuned": True, "settings": {"distill": {"schedule": {"epochs": 0}}}}
    systems = {name: {"strategy": f"truncate-layers(layers={name})", **part} for name in ("[0, 1]", "[0]")}
    schedule = {"epochs": 3, "learning_rate": 1e-2, "precision": "fp32"}
    suites = {"glue": {"tasks": ["rte", "sts-b"], "settings": {"schedule": schedule}}}
    out = tmp_path / "runs" / "learned"
    finkd("run", config(systems=systems, suites=suites), "--out", out, code=0)
    said = {(record.system, record.task): record.predicted for record in load_task_records([out])}
    for task in ("rte", "sts-b"):
        assert said["[0, 1]", task] == pytest.approx(said["teacher0", task], abs=1e-4)
    assert said["[0]", "sts-b"] != pytest.approx(said["teacher0", "sts-b"], abs=1e-4)


@pytest.mark.slow
def test_systems_at_once_give_what_they_give_one_after_another(finkd, config, hub, tmp_path, monkeypatch):
    """Another process would not see the data of this test, so what it would be given is pickled and done here."""
    begun = []

    def at_once(work, systems, jobs, listen):
        for system in reversed(systems):  # whichever is the first
            pickle.loads(pickle.dumps(work))(system, listen)
            begun.append((system, jobs))
        assert not [record for record in load_task_records([tmp_path / "2"]) if record.suite == "inference"]

    monkeypatch.setattr("finkd.experiments.suites.encoders.side_by_side", at_once)
    suites = {"glue": {"tasks": ["cola"], "settings": QUICK}, "inference": {}}
    for jobs in ("1", "2"):
        out = tmp_path / jobs / "toy"
        finkd("run", config(suites=suites), "--out", out, "--jobs", jobs, "--set", "text.sentences=10", code=0)
    assert len(begun) == 3
    one, two = ({(each.system, each.task): each for each in load_task_records([tmp_path / jobs])} for jobs in "12")
    assert one.keys() == two.keys()
    assert len(one) == 6
    assert all(one[key].metrics == two[key].metrics for key in one if key[1] == "cola")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"suites": {}}, "suites: expected at least one"),
        ({"suites": {"glu": {}}}, "suites of encoders: there is no 'glu'; did you mean 'glue'?"),
        ({"seeds": [1, 1]}, "seeds: expected different numbers, at least one (got [1, 1])"),
        ({"text": None}, "systems.triple loss.strategy: adapt:text: the experiment has no unlabelled text for it"),
        ({"systems": {"a": {"strategy": "finetune"}}}, "systems.a.strategy: finetune: "),
        ({"systems": {"a": {"strategy": "truncate-layers(layers=[9])"}}}, "systems.a.strategy: truncate-layers.layers"),
        ({"systems": {"a b": {"strategy": "adapt"}, "a-b": {"strategy": "adapt"}}}, "the names of those of 'a b'"),
        ({"corpus": "sample"}, "corpus: "),
        ({"suites": {"summarization": {}}}, "suites of encoders: there is no 'summarization'"),
        (
            {"suites": {"glue": {"tasks": ["colla"]}}},
            "there is no 'colla'; did you mean 'cola'?",
        ),
        (
            {"systems": {"a": {"strategy": "truncate-layers", "from_fine_tuned": True}}},
            "systems.a.from_fine_tuned: needs task_distillation: true, and no start",
        ),
        ({"suites": {"imdb": {"settings": {"limt": 2}}}}, "suites.imdb.settings: limt: "),
        ({"suites": {"squad": {"settings": {"limt": 2}}}}, "suites.squad.settings: limt: "),
        (
            {"systems": {"a": {"strategy": "truncate-layers", "settings": {"distill": TINYBERT}}}},
            "systems.a.settings.distill: needs task_distillation: true",
        ),
        (
            {"suites": {"imdb": {"settings": {"distill": {"states": {"masked-lm": {}}}}}}},
            "suites.imdb.settings: losses.masked-lm: looks at more than the teacher's states",
        ),
        (
            {
                "systems": {
                    "a": {
                        "strategy": "adapt",
                        "task_distillation": True,
                        "settings": {"distill": {"states": {"masked-lm": {}}}},
                    }
                }
            },
            "systems.a.settings: losses.masked-lm: looks at more than the teacher's states",
        ),
        (
            {"systems": {"a": {"strategy": "truncate-layers", "settings": {"limit": 128}}}},
            "systems.a.settings: expected a limit above question + stride + 4 special tokens, 164",
        ),
        ({"stages": {"destill": {}}}, "there is no 'destill'; did you mean 'distill'?"),
        ({"text": {"corpus": "sample-text", "sentences": 0}}, "text.sentences: expected 1 or more (got 0)"),
        ({"systems": {"a": {"strategy": "compress:decompose(budget=0.5)"}}}, "compress:decompose: reads labelled text"),
        ({"systems": 5}, "systems: "),
    ],
)
def test_mistakes_are_found_before_work(finkd, config, tmp_path, changes, message):
    result = finkd("run", config(**changes), "--out", tmp_path / "out", code=2)
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_settings_of_a_student_are_those_of_the_suites_that_run(config):
    systems = {"a": {"strategy": "truncate-layers", "settings": {"limit": 128}}}
    for suites in ({"glue": {}}, {"squad": {"settings": {"question": 30, "stride": 30}}}):
        assert load_encoder_experiment(config(systems=systems, suites=suites)).systems


def test_texts_and_models_are_known_by_their_content(config, tmp_path):
    def read(word, **changes):
        (tmp_path / "raw.txt").write_text("".join(f"The {word} number {n} was paid in full .\n" for n in range(9)))
        text = {"corpus": str(tmp_path / "raw.txt"), "sentences": 5}
        return Students(load_encoder_experiment(config(text=text, **changes)), Store(tmp_path / "store")).read

    before, after = read("loan"), read("bond")
    assert [name for name in before if before[name] != after[name]] == ["text"]
    tiny_model(layers=1).save(tmp_path / "small")
    begun = read("bond", systems={"a": {"strategy": "adapt", "start": str(tmp_path / "small")}})
    assert begun.keys() - after.keys() == {f"model {tmp_path / 'small'}"}


def test_missing_data_are_found_before_anything_is_made(finkd, config, hub, tmp_path, monkeypatch):
    import datasets

    def nowhere(*_, **__):
        raise OSError("nowhere")

    monkeypatch.setattr(datasets, "load_dataset", nowhere)
    result = finkd("run", config(suites={"inference": {}, "glue": {"tasks": ["mrpc"]}}), "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "is not on the hub, or the hub cannot be reached" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_teacher_made_of_the_start_is_refused(finkd, config, tmp_path):
    tiny_model(layers=1).save(tmp_path / "small")
    systems = {"a": {"strategy": "distill:text(teacher=origin)", "start": str(tmp_path / "small")}}
    result = finkd("run", config(systems=systems), code=2)
    assert "systems.a.strategy: distill:text.teacher: 'origin' would be made of 'start'" in result.stderr


def test_options_of_taggers_are_refused(finkd, config):
    result = finkd("run", config(), "--tiny", code=2)
    assert "run: --tiny does nothing with a configuration of encoders; leave it out" in result.stderr
    assert "there is no 'x'" in finkd("run", config(), "--only", "x", code=2).stderr


@pytest.mark.slow
def test_a_plan_says_what_is_to_do(finkd, config, hub, tmp_path):
    (tmp_path / "runs").mkdir()
    suites = {"glue": {"tasks": ["cola"], "settings": QUICK}, "inference": {}}
    path, out = config(suites=suites), tmp_path / "runs" / "distilbert"
    command = ("--when-done", f"touch {tmp_path / 'done'}")
    plan = json.loads(finkd("run", path, "--out", out, "--dry-run", "--json", *command, code=0).stdout)
    assert not out.exists()
    assert not (tmp_path / "done").exists()
    stages = [(each["system"], each["stage"], each["state"]) for each in plan]
    assert ("masked-teacher", "adapt", "to do") in stages
    assert ("triple loss", "distill:general", "to do") in stages
    assert ("triple loss", "task-distill cola", "to do") in stages
    trained = [each for each in plan if each["state"] == "to do" and each["stage"] != "truncate-layers"]
    assert all(each["seconds"] > 0 for each in trained)
    seconds = {each["system"]: each["seconds"] for each in trained if each["stage"].endswith(" cola")}
    assert seconds["every other layer"] < seconds["triple loss"] < 20 * seconds["every other layer"]
    finkd("run", path, "--out", out, code=0)
    again = json.loads(finkd("run", path, "--out", out, "--dry-run", "--json", code=0).stdout)
    assert {each["state"] for each in again} == {"stored"}
