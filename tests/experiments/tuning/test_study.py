"""Studies that are begun, taken up again and cleared of dead processes' trials."""

import os
import socket
import sqlite3
from dataclasses import asdict, replace

import optuna
import pytest
from optuna.trial import TrialState

from corpora.errors import ConfigError, StoreError
from experiments.tuning import storage
from experiments.tuning.search import load_plan
from experiments.tuning.study import (
    FROM,
    OWN,
    WORKER,
    BelowMedian,
    Worker,
    begin,
    fail_orphans,
    finished,
    give_up,
    resume,
)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'new' / 'studies.db'}"


@pytest.fixture
def plan(tuned, config_of):
    return load_plan(config_of(tuned))


@pytest.fixture
def study(plan, url):
    return begin(plan, storage.connect(url, create=True))


def test_the_first_trial_has_the_configurations_own_values(study, plan, url):
    (trial,) = study.get_trials()
    assert trial.state == TrialState.WAITING
    assert trial.user_attrs[FROM] == OWN
    assert study.metric_names == ["f1"]
    again = begin(plan, storage.connect(url, create=True))
    assert len(again.get_trials()) == 1
    asked = again.ask()
    assert plan.drawn(asked)["stages.shrink.layers"] == [1]


@pytest.mark.parametrize("change", [{"sampler": "random"}, {"goals": ("f1", "size")}])
def test_another_study_of_the_name_is_refused(change, study, plan, url):
    other = replace(plan, search=replace(plan.search, **change))
    with pytest.raises(ConfigError, match="study: the storage holds a study of this name with other settings"):
        begin(other, storage.connect(url))


@pytest.mark.parametrize(("sampler", "goals"), [("tpe", ("f1",)), ("gp", ("f1", "size")), ("nsga2", ("f1", "size"))])
def test_samplers_draw_values_of_the_space(sampler, goals, plan, url):
    plan = replace(plan, search=replace(plan.search, sampler=sampler, goals=goals))
    begin(plan, storage.connect(url, create=True))
    study = resume(plan, storage.connect(url), 1)
    for _ in range(10):
        trial = study.ask()
        values = plan.drawn(trial)
        assert 1e-3 <= values["stages.finetune.schedule.learning_rate"] <= 1e-1
        assert values["stages.retokenize.size"] in (90, 100, 110)
        study.tell(trial, [0.5] * len(goals))
    assert len(finished(study)) == 10


def started(study, worker):
    trial = study.ask()
    if worker is not None:
        trial.set_user_attr(WORKER, asdict(worker))
    return trial.number


def states(study):
    return [trial.state.name for trial in study.get_trials()]


def test_trials_of_dead_processes_are_given_up(study):
    this = Worker.this()
    dead = started(study, replace(this, pid=2**22 + 1))
    number_used_again = started(study, replace(this, began=this.began - 100))
    alive = started(study, this)
    elsewhere = started(study, replace(this, host="elsewhere", pid=2**22 + 1))
    assert fail_orphans(study, [os.getpid()], alone=True) == 2
    found = states(study)
    assert (found[dead], found[number_used_again]) == ("FAIL", "FAIL")
    assert (found[alive], found[elsewhere]) == ("RUNNING", "RUNNING")
    assert this.host == socket.gethostname()


def test_the_configurations_own_values_are_tried_again(study, plan):
    assert started(study, replace(Worker.this(), pid=2**22 + 1)) == 0
    fail_orphans(study, [], alone=True)
    assert states(study) == ["FAIL", "WAITING"]
    again = study.ask()
    assert again.number == 1
    assert plan.drawn(again)["stages.retokenize.size"] == 90
    assert again.user_attrs[FROM] == OWN


def test_a_process_may_be_about_to_write_its_name_down(study):
    started(study, None)
    assert fail_orphans(study, [os.getpid()], alone=True) == 0
    assert fail_orphans(study, [], alone=False) == 0
    give_up(study, alone=True)
    assert states(study)[0] == "FAIL"


def test_readers_of_a_sqlite_file_do_not_wait_for_writers(study, url):
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("nonsense", "--storage: expected an address"),
        ("mysql://user@host/studies", "expected sqlite, postgresql or grpc"),
        ("sqlite://", "a study in memory is lost"),
    ],
)
def test_what_is_no_storage_is_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        storage.connect(wrong, create=True)


def test_a_storage_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"studies\.db: there is no study yet; begin one with 'finkd tune CONFIG'"):
        storage.connect(f"sqlite:///{tmp_path / 'studies.db'}")


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "studies.db"
    path.write_text("no database" * 1000)
    with pytest.raises(StoreError, match=r"studies\.db: cannot be used \(file is not a database\)"):
        storage.connect(f"sqlite:///{path}", create=True)


def test_a_server_that_does_not_answer_is_named_without_its_password():
    pytest.importorskip("psycopg")
    with pytest.raises(
        StoreError, match=r"postgresql\+psycopg://user:\*\*\*@127\.0\.0\.1:1/studies: cannot be used"
    ) as caught:
        storage.connect("postgresql+psycopg://user:secret@127.0.0.1:1/studies", create=True)
    assert "secret" not in str(caught.value)


def test_optuna_reads_what_was_written(study, url):
    assert optuna.get_all_study_names(storage.connect(url)) == ["study"]


def test_somebody_elses_study_is_left_alone(plan, url):
    other = optuna.create_study(storage=storage.connect(url, create=True), study_name="study")
    other.tell(other.ask(), 1.0)
    with pytest.raises(ConfigError, match="holds a study of this name with other settings"):
        begin(plan, storage.connect(url))
    assert len(other.get_trials()) == 1


def test_a_trial_is_stopped_for_its_last_value_and_not_for_its_best(study):
    def told(*values):
        trial = study.ask()
        for step, value in enumerate(values):
            trial.report(value, step)
        return trial

    for number in range(8):
        study.tell(told(0.1, 0.5 + number / 100), 0.5)
    numbers = [told(*values).number for values in ((0.9, 0.4), (0.1, 0.6), (0.1, 0.1, 0.1))]
    trials = study.get_trials()
    assert [BelowMedian().prune(study, trials[number]) for number in numbers] == [True, False, False]
