"""Processes that carry out trials, die and fail."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from finkd.corpora.errors import ConfigError
from finkd.experiments.running.events import Event
from finkd.experiments.running.jobs import KilledError
from finkd.experiments.tuning import storage
from finkd.experiments.tuning.study import RETRY
from finkd.experiments.tuning.worker_pool import Begun, TrialError, TrialOutcome, WorkerPool, Working

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Job:
    """A cheap trial; some go wrong, the first time that they are tried."""

    folder: Path
    kill: tuple[int, ...] = ()
    fail: tuple[int, ...] = ()
    unfit: tuple[int, ...] = ()

    @property
    def url(self):
        return f"sqlite:///{self.folder / 'studies.db'}"

    def study(self, number):
        return optuna.load_study(study_name="pool", storage=storage.connect(self.url))

    def __call__(self, trial, listen):
        x = trial.suggest_float("x", -1, 1)
        listen(Event("student", 1, "finetune"))
        if trial.number in self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if trial.number in self.fail:
            raise ValueError(f"number {trial.number} cannot be")
        if trial.number in self.unfit:
            raise ConfigError("stages: do not fit each other")
        if trial.number == 3:
            raise optuna.TrialPruned
        return (x * x,)


def pooled(job, workers, told):
    study = optuna.create_study(
        storage=storage.connect(job.url, create=True), study_name="pool", direction="minimize", load_if_exists=True
    )
    return WorkerPool(job, study, workers, True, told.append), study


def counted(study):
    states = [trial.state for trial in study.get_trials()]
    return {state.name: states.count(state) for state in states}


def test_as_many_trials_as_asked_for_are_done_whatever_dies(tmp_path):
    told = []
    work, study = pooled(Job(tmp_path, kill=(1, 4), fail=(5,)), 2, told)
    work.run(8)
    assert counted(study) == {"COMPLETE": 7, "PRUNED": 1, "FAIL": 3}
    outcomes = [update for update in told if isinstance(update, TrialOutcome)]
    failed = [outcome for outcome in outcomes if outcome.state == TrialState.FAIL]
    assert [(outcome.number, outcome.reason) for outcome in failed] == [(5, "ValueError: number 5 cannot be")]
    assert len(outcomes) == 9
    assert told[0] == Begun(0, 8, 2)
    assert {update.worker for update in told[1:]} == {1, 2}
    assert {update.number for update in told if isinstance(update, Working)} == set(range(11))
    told.clear()
    work.run(8)  # nothing is left to do
    assert told == [Begun(8, 8, 0, (study.best_value, study.best_trial.number))]


def test_trials_whose_processes_died_or_that_failed_are_repeated(tmp_path):
    work, study = pooled(Job(tmp_path, kill=(1,), fail=(4,)), 1, [])
    work.run(6)
    trials = study.get_trials()
    repeats = {trial.user_attrs[RETRY][-1]: trial for trial in trials if RETRY in trial.user_attrs}
    assert sorted(repeats) == [1, 4]
    for number, repeat in repeats.items():
        assert repeat.params == trials[number].params
        assert repeat.state in (TrialState.COMPLETE, TrialState.PRUNED)


def test_a_trial_whose_settings_do_not_fit_is_not_repeated(tmp_path):
    work, study = pooled(Job(tmp_path, unfit=(1,)), 1, [])
    work.run(2)
    assert [trial.user_attrs.get(RETRY) for trial in study.get_trials()] == [None, None, None]
    assert counted(study) == {"COMPLETE": 2, "FAIL": 1}


def test_trials_that_all_fail_end_the_study(tmp_path):
    work, study = pooled(Job(tmp_path, fail=tuple(range(20))), 1, [])
    with pytest.raises(TrialError, match=r"3 trials in a row could not be carried out; trial 2: ValueError: number 2"):
        work.run(8)
    assert counted(study) == {"FAIL": 3}
    assert len({trial.params["x"] for trial in study.get_trials()}) == 1


def test_processes_that_always_die_end_the_study(tmp_path):
    work, study = pooled(Job(tmp_path, kill=tuple(range(20))), 1, [])
    with pytest.raises(KilledError, match="die again and again"):
        work.run(8)
    assert counted(study) == {"FAIL": 4, "WAITING": 1}
    values = [trial.system_attrs.get("fixed_params", trial.params) for trial in study.get_trials()]
    assert values[0] == values[1] == values[2] != values[3] == values[4]  # two repeats, then another one
