"""Processes that carry out trials, die and fail."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from experiments.jobs import KilledError
from experiments.tuning import storage
from experiments.tuning.crew import Crew, TrialError


@dataclass(frozen=True)
class Job:
    """A cheap trial; some go wrong, the first time that they are tried."""

    folder: Path
    kill: tuple[int, ...] = ()
    fail: tuple[int, ...] = ()

    @property
    def url(self):
        return f"sqlite:///{self.folder / 'studies.db'}"

    def study(self, number):
        return optuna.load_study(study_name="crew", storage=storage.connect(self.url))

    def __call__(self, trial):
        if trial.number in self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if trial.number in self.fail:
            raise ValueError(f"number {trial.number} cannot be")
        x = trial.suggest_float("x", -1, 1)
        if trial.number == 3:
            raise optuna.TrialPruned
        return (x * x,)


def crew(job, workers, told):
    study = optuna.create_study(
        storage=storage.connect(job.url, create=True), study_name="crew", direction="minimize", load_if_exists=True
    )
    return Crew(job, study, workers, True, told.append), study


def counted(study):
    states = [trial.state for trial in study.get_trials()]
    return {state.name: states.count(state) for state in states}


def test_as_many_trials_as_asked_for_are_done_whatever_dies(tmp_path):
    told = []
    work, study = crew(Job(tmp_path, kill=(1, 4), fail=(5,)), 2, told)
    work.run(8)
    assert counted(study) == {"COMPLETE": 7, "PRUNED": 1, "FAIL": 3}
    assert {outcome.reason for outcome in told if outcome.state == TrialState.FAIL} == {
        "ValueError: number 5 cannot be"
    }
    assert len(told) == 9
    work.run(8)  # nothing is left to do
    assert len(told) == 9


def test_trials_that_all_fail_end_the_study(tmp_path):
    work, study = crew(Job(tmp_path, fail=tuple(range(20))), 1, [])
    with pytest.raises(TrialError, match=r"3 trials in a row could not be carried out; trial 2: ValueError: number 2"):
        work.run(8)
    assert counted(study) == {"FAIL": 3}


def test_processes_that_always_die_end_the_study(tmp_path):
    work, study = crew(Job(tmp_path, kill=tuple(range(20))), 1, [])
    with pytest.raises(KilledError, match="die again and again"):
        work.run(8)
    assert set(counted(study)) == {"FAIL"}
