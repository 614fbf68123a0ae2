"""Run one trial: an experiment with drawn settings, scored while it trains, and recorded."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import optuna
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.trial import Trial
from optuna_dashboard import get_note, save_note
from optuna_dashboard.artifact import get_artifact_path

from finkd.corpora.files import write_atomic
from finkd.evaluation.ner import evaluate
from finkd.experiments.configuration.experiment import Experiment
from finkd.experiments.configuration.layout import record_path
from finkd.experiments.running.events import Event, Listener, ignored
from finkd.experiments.running.labelled_text import LabelledText
from finkd.experiments.running.run import run
from finkd.experiments.tuning import storage
from finkd.experiments.tuning.search import Goal, Plan
from finkd.experiments.tuning.study import resume
from finkd.models.model import Model
from finkd.progress import Progress
from finkd.records import RunRecord
from finkd.reports.build import render_markdown
from finkd.reports.figures.learning import Curve, png
from finkd.strategies.parsing import parse
from finkd.training.loop import DivergedError

LOOKS = 4
"""Number of times that a model is scored in each stage that trains it on labels."""
_LOSSES = 20
"""Losses noted for each stage, evenly spread."""


@dataclass(frozen=True)
class Trials:
    """The job of a process that runs trials.

    Attributes:
        plan: what is varied.
        out: folder of the study; each trial has one within it.
        files: where the pictures of trials are kept.
        url: the storage of the study.
    """

    plan: Plan
    out: Path
    files: FileSystemArtifactStore
    url: str = ""

    def study(self, number: int) -> optuna.Study:
        """Open the study, with the sampler of one process."""
        return resume(self.plan, storage.connect(self.url), number)

    def __call__(self, trial: Trial, listen: Listener = ignored) -> tuple[float, ...]:
        """Carry out a trial.

        Args:
            trial: whose values are drawn.
            listen: called as it goes on.

        Returns:
            what each goal came to.

        Raises:
            TrialPruned: if it is stopped for being worse than most, or its training diverged.
            ConfigError: if its settings do not fit each other.
        """
        values = self.plan.drawn(trial)
        experiment = self.plan.trial(values)
        folder = self.out / f"trial-{trial.number:04d}"
        watch = _Watch(trial, experiment, self.plan, listen)
        try:
            records = run(experiment, folder, watch.listen, math.inf, look=watch.look)
        except DivergedError as error:
            raise optuna.TrialPruned(str(error)) from error
        finally:
            self._show_curve(trial, watch)
        tuned = [each for each in records if each.system == self.plan.system]
        paths = [record_path(folder, record.system, record.seed) for record in tuned]
        trial.set_user_attr("records", [str(path) for path in paths])
        trial.set_user_attr("report", str(folder / "report.html"))
        for path in paths:
            upload_artifact(artifact_store=self.files, file_path=str(path), study_or_trial=trial)
        _note(trial, [render_markdown(records), f"Report: `{folder / 'report.html'}`"])
        return tuple(_reached(goal, tuned) for goal in self.plan.search.goals)

    def _show_curve(self, trial: Trial, watch: _Watch) -> None:
        """Give the trial a picture of its training."""
        picture = png(watch.curve)
        if picture is None:
            return
        path = self.out / f"trial-{trial.number:04d}" / "curve.png"
        write_atomic(path, picture)
        write_atomic(path.with_suffix(".json"), json.dumps(asdict(watch.curve)) + "\n")
        kept = upload_artifact(artifact_store=self.files, file_path=str(path), study_or_trial=trial)
        _note(trial, [f"![How the training went]({get_artifact_path(trial, kept)})"])


def _note(trial: Trial, parts: Sequence[str]) -> None:
    """Add to what the dashboard shows of a trial."""
    save_note(trial, "\n\n".join(filter(None, [get_note(trial), *parts])))


def _reached(goal: Goal, records: Sequence[RunRecord]) -> float:
    figures: Mapping[Goal, Callable[[RunRecord], float | None]] = {
        "f1": lambda record: record.scores.micro.f1 or 0.0,
        "latency": lambda record: record.resources.latency_ms.get("p50"),
        "size": lambda record: record.resources.bytes,
    }
    found = [figures[goal](record) for record in records]
    return statistics.fmean(value for value in found if value is not None)


class _Watch:
    """Follows the training of the tuned system, scores it now and then, and stops it if it is worse than most."""

    def __init__(self, trial: Trial, experiment: Experiment, plan: Plan, tell: Listener) -> None:
        self.trial = trial
        self.experiment = experiment
        self.plan = plan
        self.tell = tell
        steps = parse(experiment.systems[plan.system].strategy, experiment.stages)
        self.curve = Curve(f"{plan.name}, trial {trial.number}", tuple(step.name for step in steps))
        trained = [place for place, step in enumerate(steps) if step.stage.training is not None]
        self.last = trained[-1] if trained else None
        """Number of the last stage that trains."""
        self.place: int | None = None
        """Number of the stage that runs, ``None`` while another system is trained."""
        self.seed = experiment.seeds[0]
        self.quarter = 0

    def listen(self, event: Event) -> None:
        """Note where the training is, and its loss."""
        self.tell(event)
        if event.system != self.plan.system:
            self.place = None
        elif event.progress is not None and self.place is not None:
            step = event.progress
            if step.loss is not None and step.step % max(1, step.steps // _LOSSES) == 0:
                self.curve.losses.append((self.seed, self.place + step.step / step.steps, step.loss))
        elif event.record is None and event.progress is None:
            self.seed, self.quarter, self.place = event.seed, 0, event.place

    def look(self, model: Model, progress: Progress) -> None:
        """Score the model at every quarter of a stage that trains it on labels.

        Raises:
            TrialPruned: if it is worse than most trials were here.
        """
        quarter = progress.step * LOOKS // progress.steps
        if self.place is None or not model.labels or quarter == self.quarter:
            return
        self.quarter = quarter
        text = self._text
        f1 = evaluate(text.gold(self.seed).scored, model, text.data.types).micro.f1 or 0.0
        at = self.place + progress.step / progress.steps
        self.curve.scores.append((self.seed, at, f1))
        if len(self.plan.search.goals) == 1:
            self._judge(self.place + quarter / LOOKS, f1)

    def _judge(self, at: float, f1: float) -> None:
        """Report the mean of what the seeds have reached, those that are done by their last scores."""
        number = self.experiment.seeds.index(self.seed)
        last = {seed: score for seed, _, score in self.curve.scores}
        percent = round(100 * at / len(self.curve.stages))
        self.trial.report(statistics.fmean(last.values()), 100 * number + percent)
        # Before its last training a system has not yet shown what it can do.
        if self.place == self.last and self.trial.should_prune():
            raise optuna.TrialPruned(f"F1 {f1:.3f} after {percent} % of seed {self.seed} is below the median")

    @cached_property
    def _text(self) -> LabelledText:
        return LabelledText(self.experiment)
