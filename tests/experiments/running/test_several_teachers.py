"""Systems that begin with models of their own, and learn from the teacher that they name."""

import json

import pytest

from finkd.corpora.errors import ConfigError, UnavailableError
from finkd.experiments.configuration.experiment import from_settings
from finkd.experiments.running.plan import plan
from finkd.experiments.running.prepared import Prepared
from finkd.experiments.running.run import run
from finkd.models.loading import load_model

pytestmark = pytest.mark.slow

STUDENT = "truncate-layers > task-distill:gold"


@pytest.fixture
def settings(two_teachers, big):
    """One student taught by a model like itself and by a wider one with another tokenizer, and one that goes on."""
    two_teachers["systems"] |= {
        "from big": {"strategy": STUDENT, "teacher": "big"},
        "from own": {"strategy": STUDENT, "teacher": "own"},
        "smaller big": {"strategy": "truncate-layers(layers=[0, 2]) > finetune", "start": str(big), "teacher": "own"},
        "cut": {"strategy": "task-distill:gold", "after": "smaller big", "teacher": "big"},
    }
    return two_teachers


@pytest.fixture
def experiment(settings):
    return from_settings(settings)


def test_each_learns_from_its_own_teacher_and_what_it_leaves_open_is_not_written(experiment, tmp_path):
    records = {record.system: record for record in run(experiment, tmp_path / "out") if record.role != "baseline"}
    models = {name: load_model(tmp_path / "out/models" / f"{name.replace(' ', '-')}-seed-1") for name in records}
    assert models["big"].encoder.config.model_type == "roberta" == models["smaller big"].encoder.config.model_type
    assert models["from big"].tokenizer.fingerprint == models["from own"].tokenizer.fingerprint
    keys = {name: [stage.key for stage in record.lineage] for name, record in records.items()}
    assert keys["from big"][0] == keys["from own"][0]  # both begin alike
    assert keys["from big"][1] != keys["from own"][1]
    assert keys["cut"][:2] == keys["smaller big"]
    overlap = {name: record.vocabulary["overlap"] for name, record in records.items()}  # with the teacher's vocabulary
    assert overlap["from own"] == 1 == overlap["cut"]
    assert overlap["from big"] < 1
    assert overlap["smaller big"] < 1
    page = (tmp_path / "out/report.html").read_text()
    assert "Retention: mean micro-F1 as a share of the mean of the student&#39;s own teacher" in page
    systems = json.loads((tmp_path / "out/experiment.json").read_text())["systems"]
    assert systems["own"] == {"role": "teacher", "strategy": "finetune"}
    assert systems["from big"] == {"role": "student", "strategy": STUDENT, "teacher": "big"}
    again = run(experiment, tmp_path / "out")
    assert all(stage.cached for record in again for stage in record.lineage)


def test_a_stage_learns_from_the_teacher_that_it_names(settings, tmp_path):
    """The same as two systems of one teacher each, of which the second goes on where the first ends."""
    settings["systems"] = {name: settings["systems"][name] for name in ("big", "own", "from big")} | {
        "then own": {"strategy": f"{STUDENT} > task-distill:gold(teacher=own)", "teacher": "big"},
    }
    records = {record.system: record for record in run(from_settings(settings), tmp_path / "out")}
    begun, gone_on = (records[name].lineage for name in ("from big", "then own"))
    assert begun[-1].key == gone_on[-2].key
    prepared = Prepared(from_settings(settings), tmp_path / "store")
    taught = prepared.teachers(1)
    settings["systems"]["then own"]["strategy"] = f"{STUDENT} > task-distill:gold"
    other = Prepared(from_settings(settings), tmp_path / "store").teachers(1)
    assert taught["own"].key == other["own"].key
    assert taught["then own"].key != other["then own"].key
    assert list(from_settings(settings, only=["from big"]).systems) == ["big", "from big"]
    settings["systems"]["then own"]["strategy"] = f"{STUDENT} > task-distill:gold(teacher=own)"
    assert list(from_settings(settings, only=["then own"]).systems) == ["big", "own", "then own"]
    settings["systems"]["then own"]["strategy"] = f"{STUDENT} > task-distill:gold(teacher=owm)"
    with pytest.raises(
        ConfigError, match=r"task-distill\.teacher: expected a system with the role 'teacher' \(got 'owm'"
    ):
        from_settings(settings)


def test_a_teacher_learns_from_teachers_above_it(settings, tmp_path):
    settings["systems"] = {
        "big": settings["systems"]["big"],
        "own": {**settings["systems"]["own"], "strategy": "finetune > task-distill:gold(teacher=big)"},
        "from own": {"strategy": STUDENT, "teacher": "own"},
    }
    only = from_settings(settings, only=["from own"])
    assert only.needed_by("from own") == ("big", "own")
    assert Prepared(only, tmp_path / "store").in_order() == ["big", "own", "from own"]
    settings["systems"]["big"]["strategy"] = "finetune > task-distill:gold(teacher=own)"
    with pytest.raises(ConfigError, match=r"systems\.big\.strategy: .* with the role 'teacher' above it \(got 'own'"):
        from_settings(settings)


def test_a_plan_counts_with_the_model_of_each_system(experiment, tmp_path):
    prepared = Prepared(experiment, tmp_path / "store")
    assert prepared.spec("big").shape.width == 48
    assert prepared.spec("own").shape.width == 32
    bytes_of = {(each.system, each.stage): each.bytes for each in plan(prepared)}
    assert bytes_of["from big", "task-distill:gold"] > bytes_of["from own", "task-distill:gold"]


def test_a_start_that_is_nowhere_is_told_before_any_work(settings):
    settings["systems"]["own"]["start"] = "./nowhere"
    with pytest.raises(UnavailableError, match=r"'\./nowhere': neither a local folder"):
        from_settings(settings, find=True)
    assert "own" not in from_settings(settings, only=["from big"], find=True).systems


def test_a_system_that_goes_on_begins_where_the_other_began(settings):
    settings["systems"]["cut"]["start"] = "elsewhere"
    with pytest.raises(ConfigError, match=r"systems\.cut\.after: expected a system above it"):
        from_settings(settings)


def test_only_a_student_and_its_teacher_are_kept(settings):
    assert list(from_settings(settings, only=["from big"]).systems) == ["big", "from big"]


@pytest.mark.parametrize(
    ("losses", "is_read_once"), [("tinybert-labels", True), ("word-logits-and-hidden-states", False)]
)
def test_a_teacher_of_labels_alone_reads_a_text_once(losses, is_read_once, settings, tmp_path, monkeypatch):
    monkeypatch.setattr("finkd.experiments.running.plan.layer_speed", lambda precision: 1e9)

    def seconds(epochs):
        strategy = f"truncate-layers > task-distill:gold(losses={losses}, schedule.epochs={epochs})"
        systems = {"big": settings["systems"]["big"], "student": {"strategy": strategy}}
        planned = plan(Prepared(from_settings({**settings, "systems": systems}), tmp_path / "store"))
        return {each.stage: each.seconds for each in planned}["task-distill:gold"]

    epoch = (seconds(4) - seconds(1)) / 3
    assert (seconds(1) > 1.5 * epoch) if is_read_once else (seconds(1) == pytest.approx(epoch))


def test_what_is_selected_takes_less_time(settings, tmp_path):
    settings["text"] = {"corpus": "sample-text", "sentences": 200}
    systems = {
        name: {"strategy": f"truncate-layers > {select}task-distill:text(losses=tinybert-labels)", "teacher": "own"}
        for name, select in (("all", ""), ("half", "select(keep=0.5, by=[], similarity=1) > "))
    }
    before = settings["systems"]

    def seconds(*names):
        settings["systems"] = before | {name: systems[name] for name in names}
        planned = plan(Prepared(from_settings(settings), tmp_path / "store"), speed=1e9)
        return [each.seconds for each in planned if each.stage == "task-distill:text"]

    (alone,) = seconds("half")
    whole, half = seconds("all", "half")
    assert half < alone == pytest.approx(whole / 2)
    first, rest = seconds("half", "all")
    assert first == alone
    assert first + rest == pytest.approx(whole + half)  # the teacher reads each half once
