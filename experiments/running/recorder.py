"""Score, measure and publish what a run has trained: the record of each system, its predictions and its model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from finkd.corpora.files import write_atomic
from finkd.corpora.sentence import Sentence
from finkd.corpora.tags import entities
from finkd.evaluation.baselines import baselines
from finkd.evaluation.ner import score
from finkd.evaluation.recorded_predictions import RecordedPredictions
from finkd.execution.lineage import Outcome
from finkd.experiments.configuration.experiment import System, resolved
from finkd.experiments.configuration.layout import model_path, record_path
from finkd.experiments.running.events import Event, Listener
from finkd.experiments.running.labelled_text import Gold
from finkd.experiments.running.prepared import Outcomes, Prepared
from finkd.experiments.running.publish import publish
from finkd.inference.tagger import AnyTagger, Found, predict_with_scores
from finkd.machine.environment import environment
from finkd.models.model import Model
from finkd.records import Resources, RunRecord
from finkd.reports.pages.card import card
from finkd.runtimes.resources import measure
from finkd.scores import NerScores
from finkd.tokenization.analysis import compare_tokenizers
from finkd.tokenization.tokenizer import Tokenizer

log = logging.getLogger(__name__)
Predict = Callable[[Sequence[Sentence]], Found]


class Recorder:
    """Scores, measures and publishes what a run has trained."""

    def __init__(self, prepared: Prepared, out: Path, listen: Listener) -> None:
        self.prepared = prepared
        self.experiment = prepared.experiment
        self.data = prepared.data
        self.out = out
        self.listen = listen

    def records(self, seed: int, outcomes: Outcomes) -> list[RunRecord]:
        """Records of the baselines and of every system of a seed."""
        records = [self._baseline(name, seed) for name in self.experiment.baselines]
        published = {
            name: (outcome.load(), publish(outcome.folder, model_path(self.out, name, seed)))
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
        system = self.experiment.systems[name]
        found = predict_with_scores(self.prepared.gold(seed).scored, tagger)
        facts = {"strategy": _consists_of(system), "teachers": outcome.teachers}
        record = self._record(name, system.role, seed, partial(predict_with_scores, model=tagger), found, **facts)
        if record.scores.reads_nothing:
            log.warning("%s: has no row, because it reads no word of the %s split", name, self.experiment.split)
            return []
        return [self._save(record, found)]

    def _baseline(self, name: str, seed: int) -> RunRecord:
        baseline, text = baselines.get(name), self.prepared.gold(seed)

        def predict(sentences: Sequence[Sentence]) -> Found:
            return Found(baseline(text.train, sentences))

        found = predict(text.scored)
        return self._save(self._record(name, "baseline", seed, predict, found), found)

    def _system(
        self, name: str, seed: int, outcome: Outcome, model: Model, resources: Resources, teacher: Model | None
    ) -> RunRecord:
        system, text = self.experiment.systems[name], self.prepared.gold(seed)
        found = predict_with_scores(text.scored, model)
        record = self._record(
            name,
            system.role,
            seed,
            partial(predict_with_scores, model=model),
            found,
            strategy=" > ".join(stage.kind for stage in outcome.lineage),
            resources=resources,
            lineage=outcome.lineage,
            teachers=outcome.teachers,
            vocabulary=self._vocabulary(text, model, teacher.tokenizer if teacher else self.prepared.tokenizer(name)),
        )
        write_atomic(model_path(self.out, name, seed) / "README.md", card(record))
        return self._save(record, found, model.tokenizer)

    @staticmethod
    def _vocabulary(text: Gold, model: Model, teacher: Tokenizer) -> dict[str, Any]:
        """Figures of the shift from another tokenizer, on the scored split, which no vocabulary saw."""
        width = model.embeddings.weight.shape[1]
        # The analysis numbers tokenizers of one name, which a student with the teacher's would be.
        return {
            **compare_tokenizers(text.scored, model.tokenizer, teacher, width).figures(),
            "name": model.tokenizer.name,
        }

    def _record(self, name: str, role: str, seed: int, predict: Predict, found: Found, **parts: Any) -> RunRecord:
        """The record of a system; ``found`` is what it predicts on the scored split."""
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
            scores=self._scores(text.scored, found, text.known),
            extra_splits={
                split: self._scores(gold, predict(gold), text.known)
                for split, gold in self.prepared.extra_splits.items()
            },
            corpora={
                self.data.name: self.data.fingerprint,
                **{f"{each.corpus} ({source})": each.fingerprint["text"] for source, each in raw.items() if each},
            },
            texts=self.prepared.counts(),
            config=resolved(replace(self.experiment, seeds=(seed,))),
            environment=environment(self.prepared.precision),
            overlap=text.overlap,
            sample=self.data.name == "sample",
        )

    def _scores(self, gold: Sequence[Sentence], found: Found, known: frozenset[str]) -> NerScores:
        types, roles = self.data.types, self.data.roles
        return score(gold, found.tags, types, roles, found.uncovered, known, found.probabilities)

    def _save(self, record: RunRecord, found: Found, tokenizer: Tokenizer | None = None) -> RunRecord:
        path = record_path(self.out, record.system, record.seed)
        sentences = self.prepared.gold(record.seed).scored
        RecordedPredictions.of(sentences, map(entities, found.tags), found.probabilities, tokenizer).save(path)
        record.save(path)
        self.listen(Event(record.system, record.seed, record=record))
        return record


def _consists_of(system: System) -> str:
    """What a teacher that is no single model consists of."""
    if system.folds is not None:
        return f"mean of {system.folds} folds: {system.strategy}"
    names = " + ".join(member.name for member in system.members)
    return f"mean of {names}" if len(system.members) > 1 else names
