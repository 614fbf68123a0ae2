"""A small tagger from any finished one and raw text."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from finkd.corpora.corpus import NerData
from finkd.corpora.errors import ConfigError
from finkd.corpora.files import check_replaceable, write_atomic
from finkd.corpora.sentence import Sentence, digest
from finkd.corpora.tags import entity_types, label_names
from finkd.evaluation.ner import evaluate, known_words
from finkd.execution.lineage import Outcome
from finkd.experiments.configuration.checks import check_seeds
from finkd.experiments.configuration.layout import store_beside
from finkd.experiments.configuration.splits import scored_split
from finkd.experiments.running.events import Listener, ignored
from finkd.experiments.running.held_out_text import Part, train_and_held_out
from finkd.experiments.running.labelled_text import Gold
from finkd.experiments.running.single_strategy import checked
from finkd.machine import processes
from finkd.machine.environment import environment
from finkd.machine.precision import resolve_precision
from finkd.models.loading import load_model
from finkd.models.model import Model
from finkd.models.pretrained import DEFAULT
from finkd.records import HELD_OUT, SUFFIX, RunRecord
from finkd.reports.pages.card import card
from finkd.runtimes.resources import measure
from finkd.store import Store
from finkd.strategies.parsing import merge
from finkd.teachers import kind_of
from finkd.teachers.finished_tagger import FinishedTagger
from finkd.teachers.label_map import LabelReading, TeacherScheme
from finkd.teachers.teacher import of_tagger

log = logging.getLogger(__name__)

STAGES: Mapping[str, Mapping[str, Any]] = {
    "task-distill:text": {
        "losses": {"word-logits-kl": {"temperature": 2.0}},
        "schedule": {"epochs": 2, "learning_rate": 5e-4, "batch_tokens": 1024, "dropout": 0},
    },
    "task-distill:gold": {
        "losses": {"cross-entropy": {}, "word-logits-kl": {"temperature": 2.0}},
        "schedule": {"epochs": 5, "learning_rate": 3e-4, "batch_tokens": 512},
    },
}
"""Settings for tens of thousands of sentences (docs/log.md, "A larger teacher of another family")."""
EXPERIMENT, TEACHER, STUDENT = "distill", "teacher", "student"


def default_strategy(vocab_size: int | None, with_gold: bool) -> str:
    """Return the stages that make a student where none are named.

    Example:
        >>> default_strategy(8000, with_gold=False)
        'truncate-layers > replace-vocabulary(size=8000) > task-distill:text'
    """
    own = [f"replace-vocabulary(size={vocab_size})"] if vocab_size else []
    return " > ".join(["truncate-layers", *own, "task-distill:text", *(["task-distill:gold"] if with_gold else [])])


def distill(
    teacher: str | Path,
    out: Path,
    *,
    text: str | None = None,
    labels: Mapping[str, str] | None = None,
    scheme: TeacherScheme | None = None,
    start: str = DEFAULT,
    strategy: str | None = None,
    vocab_size: int | None = None,
    stages: Mapping[str, Mapping[str, Any]] | None = None,
    sentences: int = 24_000,
    held_out: int = 1_000,
    data: NerData | None = None,
    split: str | None = None,
    seed: int = 1,
    listen: Listener = ignored,
) -> list[RunRecord]:
    """Distil a finished tagger of any kind into a small one, without a labelled corpus.

    The student learns the teacher's label distributions of raw text, and is scored on text that it has not read against
    the teacher's own tags: F1 is then their agreement. With a labelled corpus, both are scored against gold too.

    Args:
        teacher: the tagger (``finkd.teachers.finished_tagger.FinishedTagger``).
        out: folder of the new model, its card and its run records.
        text: unlabelled text, by name or path; a file of predictions may stand for it.
        labels: type of the teacher -> type of the corpus or ``O``; ``*`` stands for all types that are not named.
        scheme: how the teacher's labels are read, if they do not tell it.
        start: model that the student begins as.
        strategy: stages that make the student; by default every other layer of the start model is kept and trained on
            the text, and on gold if there is a corpus.
        vocab_size: tokens of a vocabulary of the student's own, trained on the text; without it, the student keeps the
            vocabulary of the start model. A strategy of your own says this itself.
        stages: settings by stage or by stage and variant, which replace those of ``STAGES`` one by one.
        sentences: how many of the text are read.
        held_out: how many more are held out, at most a fifth of those that there are.
        data: a labelled corpus, whose training split is read and another one scored.
        split: which one.
        seed: of everything random.
        listen: called as the work goes on.

    Returns:
        a record of the student on the held-out text, then those of teacher and student on the corpus; none in processes
        of ``accelerate launch`` but the first.

    Raises:
        ConfigError: if ``out`` holds anything else, such as another distillation or what is read.
        FinkdError: if the teacher or the text is nowhere, or labels do not fit.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> records = finkd.distill("tagger", Path("small"), text="raw.txt", start="encoder", sentences=20, held_out=5)
        >>> [(record.system, record.split) for record in records]
        [('student', 'held-out')]
    """
    check_seeds([seed])
    teacher = str(teacher)
    chosen = strategy or default_strategy(vocab_size, with_gold=data is not None)
    settings = merge(STAGES, stages or {})
    asked: dict[str, Any] = {
        "teacher": teacher,
        "text": text,
        "labels": dict(labels or {}),
        "scheme": scheme,
        "start": start,
        "strategy": chosen,
        "stages": settings,
        "sentences": sentences,
        "held_out": held_out,
        "corpus": data.fingerprint if data else None,
        "split": split,
        "seed": seed,
    }
    asked = json.loads(json.dumps(asked))
    if split == "train":
        raise ConfigError("split: the student learns from train; choose another one (got 'train')")
    check_replaceable(out, kind_of(teacher)[1], start, text)
    _check_same(out, asked)
    store, precision = Store(store_beside(out)), resolve_precision("auto")
    tagger = FinishedTagger.open(teacher, LabelReading(labels or {}, scheme), label_names(data.types) if data else None)
    if data is not None:
        scored_split(data, split)  # before any work
    with store.in_use():
        train, test = train_and_held_out(tagger, text, sentences, held_out, store, precision)
    student_strategy = checked(
        chosen,
        store=store,
        model=start,
        data=data,
        text=train,
        teacher=of_tagger(tagger),
        labels=tagger.labels,
        stages=settings,
        seed=seed,
    )
    outcome = student_strategy.run(out, listen)
    if not processes.is_first():
        return []
    student = load_model(out)
    made = _on_held_out(asked, strategy, out, student, outcome, tagger, train, test)
    records = [made]
    if data is not None:
        records += _against_gold(made, data, scored_split(data, split), student, tagger)
    for record in records:
        record.save(out / f"{record.system}-{record.split}{SUFFIX}")
    write_atomic(out / "README.md", card(records[-1]))
    return records


def _check_same(out: Path, asked: Mapping[str, Any]) -> None:
    """Check that a folder holds no distillation, or the one that is asked for.

    Raises:
        ConfigError: if it holds another one.
    """
    path = out / f"{STUDENT}-{HELD_OUT}{SUFFIX}"
    before = RunRecord.load(path).config.get("distill") if path.is_file() else None
    if before is not None and before != asked:
        differing = next(key for key in asked if before.get(key) != asked[key])
        raise ConfigError(
            f"{out}: holds another distillation ({differing} differs); choose another --out or remove the folder (what "
            f"was trained stays in {store_beside(out)})"
        )


def _on_held_out(
    asked: Mapping[str, Any],
    own_strategy: str | None,
    out: Path,
    student: Model,
    outcome: Outcome,
    tagger: FinishedTagger,
    train: Part,
    test: Sequence[Sentence],
) -> RunRecord:
    """Return the record of the student on the text that was held out."""
    source = Path(asked["text"] or tagger.name).name
    return RunRecord(
        experiment=EXPERIMENT,
        system=STUDENT,
        role=STUDENT,
        strategy=" > ".join(stage.kind for stage in outcome.lineage),
        corpus=source,
        split=HELD_OUT,
        seed=asked["seed"],
        scores=evaluate(test, student, entity_types(tagger.labels), known=known_words(train.sentences)),
        resources=measure({STUDENT: (student, out)}, test, 256)[STUDENT],
        lineage=outcome.lineage,
        teachers=outcome.teachers,
        vocabulary={"name": student.tokenizer.name, "size": len(student.tokenizer)},
        corpora={source: digest(test)},
        texts={"text": len(train.sentences)},
        config={
            "teacher": asked["start"],
            "systems": {STUDENT: {"strategy": own_strategy or "", "teacher": TEACHER}},
            "distill": asked,
        },
        environment=environment(resolve_precision("auto")),
        sample=asked["text"] == "sample-text",
    )


def _against_gold(
    made: RunRecord, data: NerData, split: str, student: Model, tagger: FinishedTagger
) -> list[RunRecord]:
    """Return records of teacher and student on a labelled corpus; none of a teacher that reads no word of it."""
    gold = Gold(data.splits["train"], data.splits[split], data.fingerprint)
    shared = replace(
        made,
        corpus=data.name,
        split=split,
        corpora={**made.corpora, data.name: data.fingerprint},
        overlap=gold.overlap,
        sample=data.name == "sample",
    )
    teacher = RunRecord(
        experiment=EXPERIMENT,
        system=TEACHER,
        role=TEACHER,
        strategy=tagger.name,
        corpus=data.name,
        split=split,
        seed=made.seed,
        scores=evaluate(gold.scored, tagger, data.types, data.roles, gold.known),
        corpora=shared.corpora,
        config=made.config,
        environment=made.environment,
        overlap=shared.overlap,
        sample=shared.sample,
    )
    of_student = replace(shared, scores=evaluate(gold.scored, student, data.types, data.roles, gold.known))
    return [of_student] if teacher.scores.reads_nothing else [teacher, of_student]
