"""The database of studies."""

import threading
import time

import optuna
from optuna.trial import TrialState

from finkd.experiments.tuning import storage
from finkd.experiments.tuning.addresses import default_url


def test_one_trial_is_taken_by_one_process(tmp_path):
    url = default_url(tmp_path / "study")
    first, second = storage.connect(url, create=True), storage.connect(url)
    optuna.create_study(storage=first, study_name="queue").enqueue_trial({"x": 1})
    taken = []

    def take(by):
        taken.append(by.set_trial_state_values(1, TrialState.RUNNING))

    rival = threading.Thread(target=take, args=(second,))
    check = first.check_trial_is_updatable

    def between_look_and_change(*arguments):
        rival.start()
        time.sleep(0.3)
        check(*arguments)

    first.check_trial_is_updatable = between_look_and_change
    take(first)
    rival.join()
    assert taken == [True, False]
