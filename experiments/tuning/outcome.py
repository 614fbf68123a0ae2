"""Write the results of a study: the best settings as a configuration, their gain, and their importance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import yaml
from optuna.importance import FanovaImportanceEvaluator
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from finkd.corpora.files import write_atomic
from finkd.corpora.wording import counted
from finkd.experiments.tuning.search import Goal, OneOf, Plan
from finkd.experiments.tuning.study import own_parameters, parameters
from finkd.reports.formats import csv, markdown
from finkd.reports.table import MISSING, Cell, Column, Table, label, number, plain

SHOWN: dict[Goal, tuple[str, int, float]] = {
    "f1": ("Micro-F1", 4, 1),
    "latency": ("p50 (ms)", 2, 1),
    "size": ("Size (MB)", 1, 1e6),
}
_LEAST = 4
"""Finished trials that a table of importance needs."""


def write_outcome(plan: Plan, study: Study, out: Path) -> list[Path]:
    """Write ``best.yaml`` and the tables of a study; the same study gives the same bytes.

    With several goals there is one configuration for each trial of the Pareto front, ``best-trial-<number>.yaml``.

    Returns:
        the files written; none as long as no trial has been carried out to its end.
    """
    best = study.best_trials
    if not any(trial.state == TrialState.COMPLETE for trial in study.get_trials(deepcopy=False)):
        return []
    written = []
    for trial in best[:1] if len(plan.search.goals) == 1 else best:
        name = "best.yaml" if len(plan.search.goals) == 1 else f"best-trial-{trial.number:04d}.yaml"
        settings = json.loads(json.dumps({**plan.with_values(values_of(plan, trial)), "name": f"{plan.name}-best"}))
        goals = ", ".join(f"{goal} {value:g}" for goal, value in zip(plan.search.goals, trial.values, strict=True))
        header = f"# Trial {trial.number} of the study {json.dumps(plan.name)}: {goals}.\n"
        write_atomic(out / name, header + yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
        written.append(out / name)
    for path in set(out.glob("best-trial-*.yaml")).difference(written):  # of trials that have left the front
        path.unlink()
    tables = {"gain": gain(plan, study), "importance": importance(plan, study)}
    for name, table in tables.items():
        if table is not None:
            for suffix, text in (("md", markdown.document([table])), ("csv", csv.document([table]))):
                write_atomic(out / f"{name}.{suffix}", text)
                written.append(out / f"{name}.{suffix}")
    return written


def values_of(plan: Plan, trial: FrozenTrial) -> dict[str, Any]:
    """Return the values that a trial has tried, as settings."""
    found: dict[str, Any] = {}
    for key, values in plan.search.space.items():
        parameter = trial.params[key]
        if isinstance(values, OneOf):
            parameter = next(choice for choice in values.choices if values.parameter(choice) == parameter)
        found[key] = parameter
    return found


def gain(plan: Plan, study: Study) -> Table:
    """Return a row per goal and setting: the configuration's own value, and that of the best trial, or of the front."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    own = own_parameters(plan)
    before = next((trial for trial in complete if parameters(trial) == own), None)
    trials = [*([before] if before is not None else []), *study.best_trials]
    headings = ["Before" if trial is before else f"Trial {trial.number}" for trial in trials]
    if len(plan.search.goals) == 1:
        trials, headings = trials[:2], [*headings[:1], "After"][: len(trials)]
    columns = (
        Column("setting", "Setting", "left"),
        *(Column(f"{place}_trial_{t.number}", h) for place, (t, h) in enumerate(zip(trials, headings, strict=True))),
    )
    return Table("gain", plain(f"Tuned: {plan.name}"), _notes(plan, study), columns, tuple(_rows(plan, trials)))


def _rows(plan: Plan, trials: Sequence[FrozenTrial]) -> Iterator[tuple[Cell, ...]]:
    for place, goal in enumerate(plan.search.goals):
        heading, digits, scale = SHOWN[goal]
        names = [f"{plan.name}/trial-{trial.number}" for trial in trials]
        cells = (number(t.values[place], digits, (name,), scale=scale) for t, name in zip(trials, names, strict=True))
        yield (label(heading, strong=True), *cells)
    for key in plan.search.space:
        found = (values_of(plan, trial)[key] for trial in trials)
        shown = (f"{value:.4g}" if isinstance(value, float) else str(value) for value in found)
        yield (label(key), *(label(MISSING if text == "None" else text) for text in shown))


def importance(plan: Plan, study: Study) -> Table | None:
    """Return one row for each setting, the most important first; ``None`` with too few trials."""
    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state == TrialState.COMPLETE]
    if len(complete) < _LEAST:
        return None
    shares = [_shares(study, place) for place in range(len(plan.search.goals))]
    order = sorted(plan.search.space, key=lambda key: (-shares[0].get(key, 0.0), key))
    columns = (
        Column("setting", "Setting", "left"),
        *(Column(goal, f"Importance for {SHOWN[goal][0]} (%)") for goal in plan.search.goals),
    )
    rows = tuple((label(key), *(number(share.get(key), 1, scale=0.01) for share in shares)) for key in order)
    note = (
        f"Importance: share of the variance over {counted(len(complete), 'finished trial')} that a setting explains "
        "by itself (fANOVA: Hutter et al. 2014)."
    )
    return Table("importance", plain(f"What matters: {plan.name}"), (note,), columns, rows)


def _shares(study: Study, place: int) -> Mapping[str, float]:
    try:
        return optuna.importance.get_param_importances(
            study,
            evaluator=FanovaImportanceEvaluator(seed=0),
            target=lambda trial: trial.values[place],
            normalize=False,
        )
    except (ValueError, RuntimeError):  # all trials came to the same
        return {}


def _notes(plan: Plan, study: Study) -> tuple[str, ...]:
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    counts = {state: states.count(state) for state in dict.fromkeys(states)}
    seeds = ", ".join(map(str, plan.search.seeds))
    return (
        f"{counted(counts.get(TrialState.COMPLETE, 0), 'trial')} carried out, {counts.get(TrialState.PRUNED, 0)} "
        f"stopped early, {counts.get(TrialState.FAIL, 0)} given up.",
        f"Corpus {plan.settings['corpus']}, {plan.settings['split']} split, on which the best trial was chosen: its "
        f"score is too high by that choice. Seeds of each trial: {seeds}.",
    )
