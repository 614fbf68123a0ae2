"""One experiment end to end: every system for every seed, scored, measured and reported."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import corpora
from corpora.corpus import NerData
from corpora.errors import ConfigError, DataError
from corpora.files import atomic_folder, folder_lock, write_atomic
from corpora.registry import unknown
from corpora.sentence import Sentence
from experiments.config import Experiment, resolved, slug
from experiments.events import Event, Listener, Watch
from experiments.jobs import side_by_side
from finkd import lineage, models
from finkd.environment import environment
from finkd.evaluation import evaluate, score
from finkd.floors import floors
from finkd.lineage import Outcome
from finkd.models import Model
from finkd.precision import resolve_precision
from finkd.records import NerScores, Resources, RunRecord, load_records
from finkd.resources import measure
from finkd.stages.stage import CHECKPOINT_SECONDS, Context, TaughtBy
from finkd.store import MANIFEST, Store
from finkd.strategies import Step, parse
from reports.build import build
from tokenization.analysis import analyze

Outcomes = dict[str, Outcome]


def run(
    experiment: Experiment,
    out: Path | None = None,
    listen: Listener | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    jobs: int = 1,
) -> list[RunRecord]:
    """Run an experiment; what an earlier run computed is taken from the store beside the output folder.

    A run that was killed at any moment goes on from its last checkpoint when it is started again.

    Args:
        experiment: what to compare.
        out: folder for the reports, ``records`` and ``models``; default ``runs/<name>``.
        listen: called as the run goes on.
        checkpoint_seconds: time between two checkpoints of a training.
        jobs: how many seeds to train at once; models are measured after all are trained. Sums are rounded differently
            with other numbers of threads, so equal bits need equal jobs.

    Returns:
        one record per system and seed, as also written to ``out/records``.

    Raises:
        FinkdError: if something named does not exist, or the folder is in use or holds another experiment.
    """
    out = out or default_folder(experiment)
    prepared = _Run(experiment, out, listen or (lambda event: None), checkpoint_seconds)
    jobs = min(jobs, len(experiment.seeds))
    with folder_lock(out):
        _claim(out, experiment, prepared.data.fingerprint)
        if jobs == 1:
            return prepared.all(prepared.outcomes)
        work = partial(_seed_alone, experiment, out, checkpoint_seconds)
        return prepared.all(side_by_side(work, experiment.seeds, jobs, prepared.listen).__getitem__)


def _seed_alone(experiment: Experiment, out: Path, checkpoint_seconds: float, seed: int, listen: Listener) -> Outcomes:
    """Train one seed in a process of its own."""
    return _Run(experiment, out, listen, checkpoint_seconds).outcomes(seed)


def default_folder(experiment: Experiment) -> Path:
    """Where an experiment's results go if nothing else is said."""
    return Path("runs") / slug(experiment.name)


def _claim(out: Path, experiment: Experiment, data: str) -> None:
    """Write the resolved config, or refuse a folder whose results come from another one or from other data."""
    settings = json.loads(json.dumps({**resolved(experiment), "data": data}))
    path = out / "experiment.json"
    if path.is_file():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            same = {**before, "seeds": None} == {**settings, "seeds": None}
        except (ValueError, TypeError):
            same = False
        if not same:
            raise ConfigError(
                f"{out}: holds results of another configuration or other data; "
                "choose another --out or remove the folder"
            )
        settings["seeds"] = sorted({*before["seeds"], *settings["seeds"]})
    write_atomic(path, json.dumps(settings, indent=1) + "\n")


class _Run:
    """The state of one run. Making it finds every mistake that can be found before work begins."""

    def __init__(self, experiment: Experiment, out: Path, listen: Listener, checkpoint_seconds: float) -> None:
        self.experiment = experiment
        self.out = out
        self.listen = listen
        self.checkpoint_seconds = checkpoint_seconds
        self.store = Store(out.parent / "store")
        self.data: NerData = corpora.load(experiment.corpus, experiment.scheme)
        self.precision = resolve_precision(experiment.precision)
        self.train = self._split("train")
        self.scored = self._split(experiment.split)
        self.confirm = {name: self._split(name) for name in experiment.confirm}
        self.labels = corpora.label_names(self.data.types)
        seen = {sentence.text for sentence in self.train}
        self.overlap = sum(s.text in seen for s in self.scored) / len(self.scored)
        self.start = lineage.origin(experiment.teacher)
        self._check_stages()

    def _split(self, name: str) -> Sequence[Sentence]:
        if name not in self.data.splits:
            raise ConfigError(unknown(f"splits of {self.data.name}", name, list(self.data.splits)))
        if not self.data.splits[name]:
            raise DataError(f"{self.data.name}: its {name} split has no sentence")
        return self.data.splits[name]

    def _check_stages(self) -> None:
        """Ask every stage whether it has what it needs."""
        taught: TaughtBy | None = None
        for system, steps in self._systems():
            key = lineage.addresses(self.start, steps, self._context(self.experiment.seeds[0], taught))[-1]
            if self.experiment.systems[system].role == "teacher":
                taught = self._taught_by(key)

    def all(self, outcomes: Callable[[int], Outcomes]) -> list[RunRecord]:
        """Records of every system and seed asked for; the report also shows the seeds of earlier runs."""
        records = [record for seed in self.experiment.seeds for record in self._with_seed(seed, outcomes(seed))]
        build(load_records([self.out / "records"]), self.out)
        return records

    def _with_seed(self, seed: int, outcomes: Outcomes) -> list[RunRecord]:
        records = [self._floor(name, seed) for name in self.experiment.floors]
        finished = {name: outcome.load() for name, outcome in outcomes.items()}
        published = {name: (finished[name], self._publish(name, seed, outcome)) for name, outcome in outcomes.items()}
        resources = measure(published, self.scored, self.experiment.measure)
        teacher = next((finished[n] for n, s in self.experiment.systems.items() if s.role == "teacher"), None)
        return records + [
            self._system(name, seed, outcome, finished[name], resources[name], teacher)
            for name, outcome in outcomes.items()
        ]

    def _systems(self) -> list[tuple[str, list[Step]]]:
        """Every system with its stages, the teacher first."""
        systems = self.experiment.systems
        names = sorted(systems, key=lambda each: systems[each].role != "teacher")
        return [(name, parse(systems[name].strategy, self.experiment.stages)) for name in names]

    def _taught_by(self, key: str) -> TaughtBy:
        return TaughtBy(key, lambda: models.load(self.store.root / key))

    def _context(self, seed: int, taught: TaughtBy | None, watch: Watch | None = None) -> Context:
        """What the stages of one system may use; without anyone watching, nothing is computed."""

        @cache
        def ancestor(strategy: str) -> TaughtBy:
            steps = [] if strategy == "origin" else parse(strategy, self.experiment.stages)
            found = lineage.ancestor(self.experiment.teacher, self.start, steps, context)
            if watch is not None:
                # Made here and now, so that its time is not counted as that of the stage that learns from it.
                watch.begins(strategy)
                found.load()
            return found

        context = Context(
            train=self.train,
            labels=self.labels,
            corpus=self.data.fingerprint,
            seed=seed,
            store=self.store,
            text=self.experiment.text,
            teacher=taught,
            precision=self.precision,
            listen=watch.training if watch else None,
            checkpoint_seconds=self.checkpoint_seconds,
            ancestor=ancestor,
        )
        return context

    def outcomes(self, seed: int) -> Outcomes:
        """Train every system with a seed."""
        outcomes: Outcomes = {}
        taught: TaughtBy | None = None
        for name, steps in self._systems():
            watch = Watch(name, seed, self.listen)
            context = self._context(seed, taught, watch)
            outcomes[name] = lineage.run(self.experiment.teacher, self.start, steps, context, watch.begins)
            if self.experiment.systems[name].role == "teacher":
                taught = self._taught_by(outcomes[name].key)
        return {name: outcomes[name] for name in self.experiment.systems}

    def _floor(self, name: str, seed: int) -> RunRecord:
        floor = floors.get(name)

        def scores(gold: Sequence[Sentence]) -> NerScores:
            return score(gold, floor(self.train, gold), self.data.types, self.data.roles)

        return self._save(self._record(name, "floor", seed, scores))

    def _system(
        self, name: str, seed: int, outcome: Outcome, model: Model, resources: Resources, teacher: Model | None
    ) -> RunRecord:
        system = self.experiment.systems[name]
        record = self._record(
            name,
            system.role,
            seed,
            lambda gold: evaluate(gold, model, self.data.types, self.data.roles),
            strategy=" > ".join(stage.kind for stage in outcome.lineage),
            resources=resources,
            lineage=outcome.lineage,
            vocabulary=self._vocabulary(model, teacher or model),
        )
        return self._save(record)

    def _vocabulary(self, model: Model, teacher: Model) -> dict[str, Any]:
        """Figures of the shift from the teacher's tokenizer, on the scored split, which no vocabulary saw."""
        width = model.embeddings.weight.shape[1]
        # The analysis numbers tokenizers of one name, which a student with the teacher's would be.
        return {
            **analyze(self.scored, model.tokenizer, teacher.tokenizer, width).figures(),
            "name": model.tokenizer.name,
        }

    def _record(
        self, name: str, role: str, seed: int, scores: Callable[[Sequence[Sentence]], NerScores], **parts: Any
    ) -> RunRecord:
        text = self.experiment.text
        return RunRecord(
            **{"strategy": "", **parts},
            experiment=self.experiment.name,
            system=name,
            role=role,
            corpus=self.data.name,
            split=self.experiment.split,
            seed=seed,
            scores=scores(self.scored),
            confirmed={split: scores(gold) for split, gold in self.confirm.items()},
            corpora={
                self.data.name: self.data.fingerprint,
                **({text.corpus: text.fingerprint["text"]} if text else {}),
            },
            config=resolved(replace(self.experiment, seeds=(seed,))),
            environment=environment(self.precision),
            overlap=self.overlap,
            sample=self.data.name == "sample",
        )

    def _publish(self, system: str, seed: int, outcome: Outcome) -> Path:
        """Show a system's model under its name; the files are the store's own where links are possible."""
        published = self.out / "models" / _stem(system, seed)
        with atomic_folder(published) as folder:
            for file in outcome.folder.iterdir():
                if file.name != MANIFEST:
                    _link(file, folder / file.name)
        return published

    def _save(self, record: RunRecord) -> RunRecord:
        record.save(self.out / "records" / f"{_stem(record.system, record.seed)}.record.json")
        self.listen(Event(record.system, record.seed, record=record))
        return record


def _stem(system: str, seed: int) -> str:
    return f"{slug(system)}-seed-{seed}"


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
