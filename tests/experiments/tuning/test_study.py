"""Studies that are begun, taken up again and cleared of dead processes' trials."""

import os
import socket
import sqlite3
import threading
import time
from dataclasses import asdict, replace

import optuna
import pytest
from optuna.trial import TrialState

from finkd.corpora.errors import ConfigError, StoreError
from finkd.experiments.tuning import storage
from finkd.experiments.tuning.addresses import default_url
from finkd.experiments.tuning.outcome import gain
from finkd.experiments.tuning.search import load_plan
from finkd.experiments.tuning.study import (
    FROM,
    OWN,
    WORKER,
    BelowMedian,
    Worker,
    begin,
    fail_orphans,
    finished,
    give_up,
    own_parameters,
    repeat_failed,
    resume,
)

pytestmark = pytest.mark.slow


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
    assert plan.drawn(asked)["stages.truncate-layers.layers"] == [1]


@pytest.mark.parametrize("change", [{"sampler": "random"}, {"goals": ("f1", "size")}])
def test_another_study_of_the_name_is_refused(change, study, plan, url):
    other = replace(plan, search=replace(plan.search, **change))
    with pytest.raises(ConfigError, match="study: the storage holds a study of this name with other settings"):
        begin(other, storage.connect(url))


def test_trials_on_old_and_on_new_data_are_not_compared(study, plan, url):
    begin(plan, storage.connect(url), {"corpus": "a"})  # an earlier version kept nothing of the data
    begin(plan, storage.connect(url), {"corpus": "a", "text": "b"})
    with pytest.raises(ConfigError, match=r"study: the storage holds a study of this name on other data \(text\)"):
        begin(plan, storage.connect(url), {"corpus": "a", "text": "c"})


@pytest.mark.parametrize(("sampler", "goals"), [("tpe", ("f1",)), ("gp", ("f1", "size")), ("nsga2", ("f1", "size"))])
def test_samplers_draw_values_of_the_space(sampler, goals, plan, url):
    plan = replace(plan, search=replace(plan.search, sampler=sampler, goals=goals))
    begin(plan, storage.connect(url, create=True))
    study = resume(plan, storage.connect(url), 1)
    for _ in range(10):
        trial = study.ask()
        values = plan.drawn(trial)
        assert 1e-3 <= values["stages.finetune.schedule.learning_rate"] <= 1e-1
        assert values["stages.replace-vocabulary.size"] in (90, 100, 110)
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


def heartbeat_of_long_ago(study, url, number):
    """The state that a process of another machine leaves when it is killed: a running trial that nobody carries on."""
    study._storage.record_heartbeat(study.get_trials()[number]._trial_id)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE trial_heartbeats SET heartbeat = '2020-01-01 00:00:00'")
    connection.close()


DEAD = {"process": replace(Worker.this(), pid=2**22 + 1), "elsewhere": replace(Worker.this(), host="elsewhere")}


@pytest.mark.parametrize("finder", ["the next start", "an earlier version", "another worker"])
@pytest.mark.parametrize("dead", DEAD)
def test_a_study_killed_in_its_first_trial_keeps_its_baseline(dead, finder, study, plan, url):
    assert started(study, DEAD[dead]) == 0
    heartbeat_of_long_ago(study, url, 0)
    if finder == "an earlier version":
        study.tell(0, state=TrialState.FAIL)
    elif finder == "another worker":
        optuna.storages.fail_stale_trials(study)
    again = begin(plan, storage.connect(url))
    assert states(again) == ["FAIL", "WAITING"]
    begin(plan, storage.connect(url))  # once
    assert states(again) == ["FAIL", "WAITING"]
    repeat = again.ask()
    plan.drawn(repeat)
    assert repeat.user_attrs[FROM] == OWN
    again.tell(repeat, 0.3)
    other = again.ask()
    plan.drawn(other)
    again.tell(other, 0.5)
    table = gain(plan, again)
    assert [column.heading for column in table.columns] == ["Setting", "Before", "After"]
    assert [cell.value for cell in table.rows[0][1:]] == [0.3, 0.5]


def test_the_baseline_is_known_by_its_settings(study, plan, url):
    study.tell(started(study, None), state=TrialState.FAIL)
    for _ in range(3):  # its repeats fail too
        begin(plan, storage.connect(url))
        study.tell(started(study, None), state=TrialState.FAIL)
    assert states(study) == ["FAIL"] * 4
    begin(plan, storage.connect(url))
    assert states(study) == ["FAIL"] * 4 + ["WAITING"]
    trial = study.ask()
    plan.drawn(trial)
    study.tell(trial, 0.4)
    begin(plan, storage.connect(url))
    assert states(study) == ["FAIL"] * 4 + ["COMPLETE"]
    assert gain(plan, study).columns[1].heading == "Before"


@pytest.mark.parametrize(("retries", "expected"), [(0, 1), (1, 2), (3, 4)])
def test_a_trial_is_repeated_so_often(retries, expected, study, plan):
    def tried():
        trial = study.ask()
        values = plan.drawn(trial)
        return trial, values

    study.tell(tried()[0], 0.1)
    trial, values = tried()
    for _ in range(6):
        study.tell(trial.number, state=TrialState.FAIL)
        repeat_failed(study, retries)
        repeat_failed(study, retries)
        if "WAITING" not in states(study):
            break
        trial, again = tried()
        assert again == values
    assert states(study) == ["COMPLETE"] + ["FAIL"] * expected


def test_the_baseline_is_not_stopped_early(study, plan):
    for number in range(8):
        other = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        other.report(0.5 + number / 100, 1)
        study.tell(other, 0.5)
    study.enqueue_trial(own_parameters(plan))
    trial = study.ask()
    plan.drawn(trial)
    trial.report(0.1, 1)
    frozen = study.get_trials()[trial.number]
    assert BelowMedian({"x": 0}).prune(study, frozen)
    assert not BelowMedian(own_parameters(plan)).prune(study, frozen)


def test_a_process_may_be_about_to_write_its_name_down(study):
    started(study, None)
    assert fail_orphans(study, [os.getpid()], alone=True) == 0
    assert fail_orphans(study, [], alone=False) == 0
    give_up(study, alone=True)
    assert states(study)[0] == "FAIL"


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


def test_an_address_may_hold_braces(tmp_path):
    path = tmp_path / "{a}" / "{b.db"
    url = f"sqlite:///{path}"
    optuna.create_study(storage=storage.connect(url, create=True), study_name="study")
    assert optuna.get_all_study_names(storage.connect(url)) == ["study"]
    assert path.is_file()


def test_a_server_that_does_not_answer_is_named_without_its_password():
    pytest.importorskip("psycopg")
    with pytest.raises(
        StoreError, match=r"postgresql\+psycopg://user:\*\*\*@127\.0\.0\.1:1/studies: cannot be used"
    ) as caught:
        storage.connect("postgresql+psycopg://user:secret@127.0.0.1:1/studies", create=True)
    assert "secret" not in str(caught.value)


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
    assert [BelowMedian({"x": 0}).prune(study, trials[number]) for number in numbers] == [True, False, False]


def test_one_trial_is_taken_by_one_process(tmp_path):
    url = default_url(tmp_path / "study")
    first, second = storage.connect(url, create=True), storage.connect(url)
    optuna.create_study(storage=first, study_name="queue").enqueue_trial({"x": 1})
    taken = []

    asked = threading.Event()

    def take(by):
        asked.set()
        taken.append(by.set_trial_state_values(1, TrialState.RUNNING))

    rival = threading.Thread(target=take, args=(second,))
    check = first.check_trial_is_updatable

    def between_look_and_change(*arguments):
        asked.clear()
        rival.start()
        asked.wait(60)
        time.sleep(0.1)  # for the rival to come to the lock
        check(*arguments)

    first.check_trial_is_updatable = between_look_and_change
    take(first)
    rival.join()
    assert taken == [True, False]


def test_commands_begin_a_study_in_postgresql_one_after_the_other(monkeypatch):
    done = []

    class Connection:
        def execute(self, statement):
            done.append(str(statement))

        def __enter__(self):
            return self

        def __exit__(self, *error):
            done.append("closed")

    class Engine:
        connect = Connection

    monkeypatch.setattr(storage, "create_engine", lambda url, poolclass: Engine())
    with storage.one_at_a_time("postgresql+psycopg://user@host/studies"):
        done.append("begun")
    assert ["pg_advisory_lock" in done[0], *done[1:]] == [True, "begun", "closed"]


def test_an_error_while_a_study_begins_stays_as_it_is(url):
    with pytest.raises(StoreError, match=r"^no study$"), storage.one_at_a_time(url):
        raise StoreError("no study")


def test_a_database_without_tables_holds_no_study_yet(tmp_path):
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError, match=r"empty\.db: there is no study yet; begin one with 'finkd tune CONFIG"):
        storage.connect(f"sqlite:///{tmp_path / 'empty.db'}")
