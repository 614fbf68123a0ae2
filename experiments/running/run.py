"""One experiment end to end: every system for every seed, scored, measured and reported."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError
from finkd.corpora.files import folder_lock, write_atomic
from finkd.corpora.sentence import Sentence
from finkd.evaluation.baselines import baselines
from finkd.evaluation.ner import evaluate, score
from finkd.execution.lineage import Outcome
from finkd.experiments.configuration.experiment import Experiment, System, resolved
from finkd.experiments.configuration.names import slug
from finkd.experiments.running.claim import claim, joined_settings
from finkd.experiments.running.events import Event, Listener
from finkd.experiments.running.inputs import Gold
from finkd.experiments.running.jobs import side_by_side
from finkd.experiments.running.plan import check_room
from finkd.experiments.running.prepared import Outcomes, Prepared
from finkd.experiments.running.publish import publish
from finkd.inference.tagger import AnyTagger
from finkd.models.model import Model
from finkd.records import Resources, RunRecord, load_records
from finkd.reports.build import build
from finkd.reports.pages.card import card
from finkd.runtimes.resources import measure
from finkd.scores import NerScores
from finkd.stages.stage import CHECKPOINT_SECONDS
from finkd.system import processes
from finkd.system.environment import environment
from finkd.tokenization.analysis import analyze
from finkd.tokenization.tokenizer import Tokenizer
from finkd.training.callbacks import Look

log = logging.getLogger(__name__)


def run(
    experiment: Experiment,
    out: Path | None = None,
    listen: Listener | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    jobs: int = 1,
    look: Look | None = None,
) -> list[RunRecord]:
    """Run an experiment; what an earlier run computed is taken from the store beside the output folder.

    A run that was killed at any moment goes on from its last checkpoint when it is started again.

    Args:
        experiment: what to compare.
        out: folder for the reports, ``records`` and ``models``; default ``runs/<name>``.
        listen: called as the run goes on.
        checkpoint_seconds: time between two checkpoints of a training.
        jobs: how many seeds to train at once; models are measured after all are trained. Sums are rounded differently
            with other numbers of threads, so equal bits need equal jobs and equal threads (``console.threads``).
        look: called with the model after every training step, if seeds are not trained in processes of their own.

    Returns:
        one record per system and seed, as also written to ``out/records``; nothing in the processes beside the first
        one that ``accelerate launch`` starts.

    Raises:
        FinkdError: if something named does not exist, or the folder is in use or holds another experiment.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> (record,) = finkd.run(finkd.load_experiment("small.yaml", ["baselines=[]"]), Path("run"))
        >>> record.id
        'small/sample/teacher/seed-1'
    """
    out = out or default_folder(experiment)
    tell = listen or (lambda event: None)
    store = out.parent / "store"
    prepared = Prepared(experiment, store, checkpoint_seconds)
    jobs = min(jobs, len(experiment.seeds))
    if processes.count() > 1 and jobs > 1:
        raise ConfigError("--jobs: cannot be used with accelerate launch, whose processes train one seed together")
    if not processes.is_first():
        for seed in experiment.seeds:
            prepared.outcomes(seed, lambda event: None)
        return []
    for note in prepared.notes():
        log.warning("%s", note)
    with folder_lock(out), prepared.store.in_use():
        check_room(prepared, out)
        claim(out, claimed(out, experiment, prepared.data.fingerprint))
        recorder = _Recorder(prepared, out, tell)
        outcomes: Callable[[int], Outcomes] = partial(prepared.outcomes, listen=tell, look=look)
        if jobs > 1:
            work = partial(_seed_alone, experiment, store, checkpoint_seconds)
            outcomes = side_by_side(work, experiment.seeds, jobs, tell).__getitem__
        records = [record for seed in experiment.seeds for record in recorder.records(seed, outcomes(seed))]
        build(load_records([out / "records"]), out)  # the seeds of earlier runs too
        return records


def _seed_alone(
    experiment: Experiment, store: Path, checkpoint_seconds: float, seed: int, listen: Listener
) -> Outcomes:
    """Train one seed in a process of its own."""
    return Prepared(experiment, store, checkpoint_seconds).outcomes(seed, listen)


def default_folder(experiment: Experiment) -> Path:
    """The folder of an experiment's results if none is named."""
    return Path("runs") / slug(experiment.name)


def claimed(out: Path, experiment: Experiment, data: str) -> dict[str, Any]:
    """The settings of an experiment, joined with those whose results its folder holds; see ``running.claim``."""
    return joined_settings(out, {**resolved(experiment), "data": data}, "*.record.json")


class _Recorder:
    """Scores, measures and publishes what a run has trained."""

    def __init__(self, prepared: Prepared, out: Path, listen: Listener) -> None:
        self.prepared = prepared
        self.experiment = prepared.experiment
        self.data = prepared.data
        self.out = out
        self.listen = listen

    def records(self, seed: int, outcomes: Outcomes) -> list[RunRecord]:
        """Records of the baselines and of every system of a seed."""
        records = [self._floor(name, seed) for name in self.experiment.baselines]
        published = {
            name: (outcome.load(), publish(outcome.folder, self.out / "models" / _stem(name, seed)))
            for name, outcome in outcomes.items()
            if outcome.folder is not None
        }
        resources = measure(published, self.prepared.gold(seed).scored, self.experiment.measure)
        models = {name: model for name, (model, _) in published.items()}
        teachers = self.prepared.teachers(seed) if len(models) < len(outcomes) else {}
        for name, outcome in outcomes.items():
            if name in models:
                teacher = models.get(self.experiment.teacher_of(name) or name)
                records.append(self._system(name, seed, outcome, models[name], resources[name], teacher))
            else:
                records += self._tagger(name, seed, outcome, teachers[name].open_tagger())
        return records

    def _tagger(self, name: str, seed: int, outcome: Outcome, tagger: AnyTagger) -> list[RunRecord]:
        """The record of an ensemble, or of a tagger that finkd did not train; none if it reads no word of the split."""
        known = self.prepared.gold(seed).known
        system = self.experiment.systems[name]
        record = self._record(
            name,
            system.role,
            seed,
            lambda gold: evaluate(gold, tagger, self.data.types, self.data.roles, known),
            strategy=_consists_of(system),
            teachers=outcome.teachers,
        )
        if record.scores.reads_nothing:
            log.warning("%s: has no row, because it reads no word of the %s split", name, self.experiment.split)
            return []
        return [self._save(record)]

    def _floor(self, name: str, seed: int) -> RunRecord:
        baseline, text = baselines.get(name), self.prepared.gold(seed)

        def scores(gold: Sequence[Sentence]) -> NerScores:
            tags = baseline(text.train, gold)
            return score(gold, tags, self.data.types, self.data.roles, known=text.known)

        return self._save(self._record(name, "baseline", seed, scores))

    def _system(
        self, name: str, seed: int, outcome: Outcome, model: Model, resources: Resources, teacher: Model | None
    ) -> RunRecord:
        system, text = self.experiment.systems[name], self.prepared.gold(seed)
        record = self._record(
            name,
            system.role,
            seed,
            lambda gold: evaluate(gold, model, self.data.types, self.data.roles, text.known),
            strategy=" > ".join(stage.kind for stage in outcome.lineage),
            resources=resources,
            lineage=outcome.lineage,
            teachers=outcome.teachers,
            vocabulary=self._vocabulary(text, model, teacher.tokenizer if teacher else self.prepared.tokenizer(name)),
        )
        write_atomic(self.out / "models" / _stem(name, seed) / "README.md", card(record))
        return self._save(record)

    @staticmethod
    def _vocabulary(text: Gold, model: Model, teacher: Tokenizer) -> dict[str, Any]:
        """Figures of the shift from another tokenizer, on the scored split, which no vocabulary saw."""
        width = model.embeddings.weight.shape[1]
        # The analysis numbers tokenizers of one name, which a student with the teacher's would be.
        return {
            **analyze(text.scored, model.tokenizer, teacher, width).figures(),
            "name": model.tokenizer.name,
        }

    def _record(
        self, name: str, role: str, seed: int, scores: Callable[[Sequence[Sentence]], NerScores], **parts: Any
    ) -> RunRecord:
        raw = {"text": self.experiment.text, "general": self.experiment.general}
        text = self.prepared.gold(seed)
        return RunRecord(
            **{"strategy": "", **parts},
            experiment=self.experiment.name,
            system=name,
            role=role,
            corpus=self.data.name,
            split=self.experiment.split,
            seed=seed,
            scores=scores(text.scored),
            extra_splits={split: scores(gold) for split, gold in self.prepared.extra_splits.items()},
            corpora={
                self.data.name: self.data.fingerprint,
                **{f"{each.corpus} ({source})": each.fingerprint["text"] for source, each in raw.items() if each},
            },
            texts=self.prepared.counts,
            config=resolved(replace(self.experiment, seeds=(seed,))),
            environment=environment(self.prepared.precision),
            overlap=text.overlap,
            sample=self.data.name == "sample",
        )

    def _save(self, record: RunRecord) -> RunRecord:
        record.save(self.out / "records" / record_file(record.system, record.seed))
        self.listen(Event(record.system, record.seed, record=record))
        return record


def _consists_of(system: System) -> str:
    """What a teacher that is no single model consists of."""
    if system.folds is not None:
        return f"mean of {system.folds} folds: {system.strategy}"
    names = " + ".join(member.name for member in system.members)
    return f"mean of {names}" if len(system.members) > 1 else names


def record_file(system: str, seed: int) -> str:
    """Name of a record's file within the folder of records."""
    return f"{_stem(system, seed)}.record.json"


def _stem(system: str, seed: int) -> str:
    return f"{slug(system)}-seed-{seed}"
