"""Every known ordering, run from its name to its scores with a toy teacher."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from finkd.corpora.errors import ConfigError
from finkd.experiments import strategies as scripts
from finkd.experiments.configuration.experiment import System, from_settings
from finkd.experiments.running.plan import plan
from finkd.experiments.running.prepared import Prepared
from finkd.experiments.running.run import run
from finkd.experiments.strategies.script import main
from finkd.store import Store
from finkd.strategies import strategies

pytestmark = pytest.mark.slow

TEXT = """The Borrower shall pay interest to Acme Corp.
Shares of Goldman fell.
Sachs lent money to the Borrower.
The Lender agrees with Acme and Goldman.
Interest is paid to the Lender.
"""
STUDENTS = [name for name in strategies if not name.endswith("-teacher")]
QUICK = {"epochs": 1, "batch_tokens": 64}


@pytest.fixture
def experiment(settings, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    raw = {"corpus": str(path), "sentences": 4, "min_words": 1}
    known = {name: {"strategy": name} for name in STUDENTS}
    return from_settings(
        {
            **settings,
            "text": raw,
            "general": {**raw, "seed": 1},
            "stages": {
                "truncate-layers": {"layers": [1]},
                "replace-vocabulary": {"size": 90},
                **{stage: {"schedule": QUICK} for stage in ("adapt", "distill", "task-distill", "finetune")},
            },
            "systems": {"teacher": {"role": "teacher", "strategy": "finetune(schedule.epochs=2)"}, **known},
        }
    )


def test_all_orderings_run_and_what_they_share_is_computed_once(experiment, tmp_path):
    records = run(experiment, tmp_path / "out")
    assert {record.system for record in records} == {"dictionary", "teacher", *STUDENTS}
    trained = [stage.key for record in records for stage in record.lineage if not stage.cached]
    assert len(trained) == len(set(trained))
    teachers = {record.system: [stage.kind for stage in record.teachers] for record in records}
    assert teachers["vocabulary-last"] == ["adapt"]  # the student shares the masked-LM head, and not what adapts it
    assert teachers["adalm"] == teachers["truncate-finetune"] == []
    kept = Store(tmp_path / "store")
    assert all(kept.has(stage.key) for record in records for stage in (*record.lineage, *record.teachers))


def test_a_teacher_is_made_only_for_a_stage_that_is_computed(experiment, tmp_path):
    experiment = replace(experiment, systems={"a": System("distill-adapt-distill")}, baselines=())
    run(experiment, tmp_path / "out")
    heard = []
    run(experiment, tmp_path / "out", heard.append)
    assert [event.stage for event in heard if event.stage] == []


def test_a_teacher_that_the_store_has_lost_is_made_again_for_its_record(experiment, tmp_path):
    experiment = replace(experiment, systems={"a": System("distill-adapt-distill")}, baselines=())
    (first,) = run(experiment, tmp_path / "out")
    teacher = first.teachers[-1]
    assert teacher.tokens > 0
    store = Store(tmp_path / "store")
    store.remove(teacher.key)
    heard = []
    (again,) = run(experiment, tmp_path / "out", heard.append)
    assert [event.stage for event in heard if event.stage and event.progress is None] == [teacher.kind]
    assert [(each.tokens, each.losses) for each in again.teachers] == [
        (each.tokens, each.losses) for each in first.teachers
    ]
    assert store.has(teacher.key)


def test_a_teacher_that_would_learn_from_itself_is_refused(experiment, tmp_path):
    itself = "masked-teacher > truncate-layers > distill"
    stages = {**experiment.stages, "distill": {"teacher": itself}}
    experiment = replace(experiment, stages=stages, systems={"a": System(f"{itself} > finetune")})
    with pytest.raises(ConfigError, match="would learn from itself"):
        Prepared(experiment, tmp_path / "store")


def test_the_plan_tells_what_is_shared(experiment, tmp_path):
    stages = plan(Prepared(experiment, tmp_path / "store"))
    states = {(stage.system, stage.stage): stage.state for stage in stages}
    assert states["adapt-finetune", "adapt"] == "to do"
    assert states["distill-adapt", "distill:general"] == "shared"
    assert states["vocabulary-last", "distill:text"] == "shared"
    # a teacher that only stages ask for is a part of the plan, once
    assert [stage.stage for stage in stages if stage.system == "adapted-teacher"] == ["adapt", "adapt"]


SCRIPTS = [name for name in STUDENTS if name != "finetune"]  # that is the teacher of every script


def test_every_script_belongs_to_an_ordering():
    found = {path.stem for path in Path(scripts.__file__).parent.glob("*.py")} - {"__init__", "script"}
    assert found == {name.replace("-", "_") for name in SCRIPTS}


def test_a_script_runs_its_ordering_alone(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["tinybert.py", "--tiny", "--dry-run", "--json", "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        main("tinybert")
    assert ended.value.code == 0
    assert {stage["system"] for stage in json.loads(capsys.readouterr().out)} == {
        *("teacher", "masked-teacher", "tinybert")
    }
