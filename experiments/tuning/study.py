"""Create a study, resume it, and clear it of the trials of killed processes."""

from __future__ import annotations

import json
import os
import socket
import statistics
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import optuna
import psutil
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from finkd.corpora.errors import ConfigError
from finkd.experiments.tuning.search import Goal, Plan
from finkd.store import address

DIRECTIONS: dict[Goal, Literal["maximize", "minimize"]] = {"f1": "maximize", "latency": "minimize", "size": "minimize"}
DONE = (TrialState.COMPLETE, TrialState.PRUNED)
WORKER = "worker"
"""Trial attribute: the process that runs it."""
FROM, OWN = "from", "the configuration's own values"
"""Trial attribute: where its values are from, if they were not drawn."""
RETRY = "retry_history"
"""Trial attribute: numbers of the trials that it repeats, the first one first."""
UNFIT = "unfit"
"""Trial attribute: its settings do not fit each other, so that it is not repeated."""
_FIXED = "fixed_params"
"""Optuna's own attribute of a trial whose values were given."""

_SETTINGS = "finkd:settings"
_DATA = "finkd:data"
"""Attributes of a study: what it varies, and fingerprints of what it reads."""
RETRIES = 2
"""Number of times that a failed trial is repeated."""
_STARTUP = 8
"""Trials drawn at random before a sampler begins to learn, and finished before any is stopped early."""
_CLOCK_STEP = 2.0
"""Seconds by which the start of a process may seem to have moved, when the machine's clock is corrected."""
_NAMELESS_SECONDS = 60
"""A process writes its name down at once; a trial without one for so long has lost it before."""


@dataclass(frozen=True)
class Worker:
    """A process that runs trials.

    Attributes:
        host: its machine.
        pid: its number there.
        began: seconds since 1970 when it was started, since numbers are used again.
    """

    host: str
    pid: int
    began: float

    @classmethod
    def this(cls) -> Worker:
        """Return the process that asks."""
        return cls(socket.gethostname(), os.getpid(), psutil.Process().create_time())

    @property
    def is_dead(self) -> bool:
        """Whether it is known to have ended; of other machines' processes nothing is known."""
        if self.host != socket.gethostname():
            return False
        try:
            return abs(psutil.Process(self.pid).create_time() - self.began) > _CLOCK_STEP
        except psutil.NoSuchProcess:
            return True


def begin(
    plan: Plan,
    storage: BaseStorage,
    data: Mapping[str, str] | None = None,
    *,
    alone: bool = False,
    retries: int = RETRIES,
) -> Study:
    """Create or resume the study of a plan, in which the configuration's own values are tried.

    Args:
        plan: what is varied.
        storage: where the study is kept.
        data: fingerprints of all that the configuration's own trial reads, by what it is called.
        alone: as for ``give_up``.
        retries: as for ``give_up``.

    Raises:
        ConfigError: if a study of this name varies something else, or has read other data.
    """
    directions = [DIRECTIONS[goal] for goal in plan.search.goals]
    study = optuna.create_study(storage=storage, study_name=plan.name, directions=directions, load_if_exists=True)
    held = {"settings": plan.settings, "search": asdict(plan.search)}
    settings = address(json.loads(json.dumps(held)))  # of everything but the number of trials
    known = study.user_attrs.get(_SETTINGS)
    own = own_parameters(plan)
    if known is None and all(parameters(trial) == own for trial in study.get_trials(deepcopy=False)):
        study.set_metric_names(list(plan.search.goals))
        study.set_user_attr(_SETTINGS, settings)
    elif known != settings:
        raise ConfigError(
            f"{plan.name}: the storage holds a study of this name with other settings; "
            "rename this one with --set name=..., or name another --storage"
        )
    _check_data(study, data or {})
    give_up(study, alone=alone, retries=retries)
    tried = study.get_trials(deepcopy=False, states=(*DONE, TrialState.RUNNING, TrialState.WAITING))
    if not any(parameters(trial) == own for trial in tried):
        study.enqueue_trial(own, user_attrs={FROM: OWN})
    return study


def _check_data(study: Study, data: Mapping[str, str]) -> None:
    """Check that a study compares trials on the same data alone; one of an earlier version keeps them from now on.

    Raises:
        ConfigError: if some of the data have changed.
    """
    known = study.user_attrs.get(_DATA, {})
    if changed := [name for name, key in data.items() if known.get(name, key) != key]:
        raise ConfigError(
            f"{study.study_name}: the storage holds a study of this name on other data ({', '.join(changed)}); "
            "rename this one with --set name=..., or name another --storage"
        )
    study.set_user_attr(_DATA, {**known, **data})


def own_parameters(plan: Plan) -> dict[str, Any]:
    """Return the configuration's own values, as Optuna's parameters."""
    return {key: values.parameter(plan.defaults()[key]) for key, values in plan.search.space.items()}


def parameters(trial: FrozenTrial) -> dict[str, Any]:
    """Return the parameters of a trial; of one that has not drawn them yet, those that it was given."""
    return {**trial.system_attrs.get(_FIXED, {}), **trial.params}


def resume(plan: Plan, storage: BaseStorage, number: int) -> Study:
    """Return the study for one of several processes at once, each of which draws otherwise."""
    is_pruned = plan.search.prune and plan.search.goals == ("f1",)
    return optuna.load_study(
        study_name=plan.name,
        storage=storage,
        sampler=_sampler(plan, plan.search.seed + number),
        pruner=BelowMedian(own_parameters(plan)) if is_pruned else optuna.pruners.NopPruner(),
    )


class BelowMedian(BasePruner):
    """Stops a trial whose last value is below the median of what earlier trials had reached at the same point.

    Optuna's own compares the best value so far, which a change of vocabulary may have left behind.

    Args:
        baseline: parameters of the trial that all others are compared with in the end, which is never stopped.
    """

    def __init__(self, baseline: Mapping[str, Any]) -> None:
        self.baseline = baseline

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether to stop it."""
        if parameters(trial) == self.baseline:
            return False
        step = trial.last_step
        others = study.get_trials(deepcopy=False, states=DONE)
        known = [each.intermediate_values[step] for each in others if step in each.intermediate_values]
        if step is None or len(known) < _STARTUP:
            return False
        return trial.intermediate_values[step] < statistics.median(known)


def _sampler(plan: Plan, seed: int) -> BaseSampler:
    match plan.search.sampler:
        case "tpe":
            # Trials that still run count as bad ones, or several processes would try the same values.
            return TPESampler(seed=seed, n_startup_trials=_STARTUP, multivariate=True, constant_liar=True)
        case "gp":
            return GPSampler(seed=seed, n_startup_trials=_STARTUP)
        case "nsga2":
            return NSGAIISampler(seed=seed, population_size=2 * _STARTUP)
        case "random":
            return RandomSampler(seed=seed)


def finished(study: Study) -> list[FrozenTrial]:
    """Trials that were carried out, to the end or until they were stopped for being bad."""
    return study.get_trials(deepcopy=False, states=DONE)


def fail_orphans(study: Study, alive: Collection[int], *, alone: bool) -> int:
    """Fail the trials of processes that have died, so that none is left running; returns how many.

    Args:
        study: the study.
        alive: numbers of this machine's processes that are known to run trials of it.
        alone: whether no other command can be running trials of it.
    """
    count = 0
    for trial in _running(study):
        if _is_orphan(trial, alive, alone=alone):
            state = study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True).state
            count += state == TrialState.FAIL  # it may have finished in the meantime
    return count


def repeat_failed(study: Study, retries: int) -> None:
    """Queue failed trials again, whichever process failed them.

    Workers of any machine fail trials whose heartbeat has stopped (Optuna does so before each trial), and a process may
    be killed between giving up a trial and repeating it. So what is to be repeated is read from the study: trials that
    have failed and that no other trial repeats.

    Args:
        study: the study.
        retries: how often a trial is repeated.
    """
    trials = study.get_trials(deepcopy=False)
    repeated = {number for trial in trials for number in trial.user_attrs.get(RETRY, ())}
    for trial in trials:
        history = [*trial.user_attrs.get(RETRY, ()), trial.number]
        is_final = UNFIT in trial.user_attrs or trial.number in repeated or len(history) > retries
        if trial.state == TrialState.FAIL and parameters(trial) and not is_final:
            origin = {FROM: trial.user_attrs[FROM]} if FROM in trial.user_attrs else {}
            study.enqueue_trial(parameters(trial), user_attrs={**origin, RETRY: history})


def give_up(study: Study, *, alone: bool, retries: int = RETRIES) -> None:
    """Give up all trials that dead processes have left, and put them into the queue again.

    Waits for trials that may still be given the name of their process.

    Args:
        study: the study.
        alone: whether no other command can be running trials of it.
        retries: how often a trial is repeated.
    """
    optuna.storages.fail_stale_trials(study)  # of other machines, by their heartbeats
    fail_orphans(study, (), alone=alone)
    while any(WORKER not in trial.user_attrs for trial in _running(study)):
        time.sleep(1)
        fail_orphans(study, (), alone=alone)
    repeat_failed(study, retries)


def _running(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def _is_orphan(trial: FrozenTrial, alive: Collection[int], *, alone: bool) -> bool:
    known = trial.user_attrs.get(WORKER)
    if known is not None:
        return Worker(**known).is_dead
    if alive:
        return False  # one of them may be about to write its name down
    began = trial.datetime_start or datetime.now()
    return alone or time.time() - began.timestamp() > _NAMELESS_SECONDS
