r"""Distil one small tagger from each kind of finished tagger, with 'finkd distill', raw text and no labelled corpus.

    FINKD_DATA=../shared/data python benchmarks/finished_teachers.py runs/finished-teachers --corpus finer-ord \
        --with-types-of sec-filings --text ../shared/data/text/financial-news/fincausal.txt.gz --sentences 20000
    python benchmarks/finished_teachers.py runs/finished-teachers --start sentence-transformers/all-MiniLM-L6-v2 \
        --epochs 1 --sentences 200

Three teachers are made first. A pretrained model is fine-tuned on the corpus (and on another one that has more types)
and saved by transformers, with its labels in reversed order. spaCy's small pipeline is trained on the corpus alone.
The label distributions of the first teacher on the text become a file of predictions. What lies in the folder already
is used again. Writes OUT/table.md: strict F1 of teacher and student on the corpus's scored split, and the student's F1
against the teacher's own tags on held-out text, their agreement.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
import yaml
from transformers import AutoModelForTokenClassification, AutoTokenizer
from transformers.utils import logging

from benchmarks.shared import FINKD, ROOT, options, raw_text
from finkd import corpora
from finkd.corpora.corpus import NerData
from finkd.corpora.files import write_atomic
from finkd.corpora.sentence import Sentence
from finkd.data.raw_text import KeptText, Text
from finkd.evaluation.ner import evaluate
from finkd.experiments.configuration.splits import scored_split
from finkd.inference.tagger import AnyTagger, sentence_logits
from finkd.models.loading import load_model
from finkd.records import RunRecord
from finkd.reports.formats.markdown import document
from finkd.reports.table import Column, Table, label, number
from finkd.store import Store
from finkd.teachers.ensemble import softmax
from finkd.teachers.finished_tagger import FinishedTagger
from finkd.teachers.label_map import LabelReading

HELD_OUT = 1_000


def write_corpus(sentences: Iterable[Sentence], path: Path) -> None:
    """Write labelled sentences as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ({"words": each.words, "tags": each.tags, "document": each.document} for each in sentences)
    write_atomic(path, "".join(json.dumps(row) + "\n" for row in rows))


def tagger_with_more_types(data: NerData, more: NerData | None, given: Any, out: Path) -> Path:
    """Fine-tune a tagger on a corpus and on another one, whose types come on top; return its folder."""
    corpus, folder = out / "corpus", out / "tagger"
    model = folder / "models" / "tagger-seed-1"
    if not model.is_dir():
        write_corpus([*data.splits["train"], *(more.splits["train"] if more else ())], corpus / "train.jsonl")
        write_corpus(data.splits[scored_split(data)], corpus / "validation.jsonl")
        schedule = {"epochs": given.epochs, "learning_rate": 5e-5, "batch_tokens": 512}
        system = {"role": "teacher", "start": given.start, "strategy": "finetune"}
        settings = {"corpus": str(corpus), "split": "validation", "measure": 0, "baselines": [], "seeds": [1]}
        settings |= {"name": "tagger", "stages": {"finetune": {"schedule": schedule}}, "systems": {"tagger": system}}
        write_atomic(out / "tagger.yaml", yaml.safe_dump(settings))
        finkd("run", out / "tagger.yaml", "--out", folder)
    return model


def in_other_order(model: Path, target: Path) -> Path:
    """Save a tagger as transformers does, with its labels in reversed order."""
    if not (target / "config.json").is_file():
        network = AutoModelForTokenClassification.from_pretrained(model, trust_remote_code=False)
        labels = [network.config.id2label[place] for place in reversed(range(network.config.num_labels))]
        with torch.no_grad():
            for values in (network.classifier.weight, network.classifier.bias):
                values.copy_(values.flip(0))
        network.config.id2label = dict(enumerate(labels))
        network.config.label2id = {label: place for place, label in enumerate(labels)}
        network.save_pretrained(target)
        AutoTokenizer.from_pretrained(model, trust_remote_code=False).save_pretrained(target)
    return target


def predictions(sentences: Iterable[Sentence], tagger: AnyTagger, path: Path) -> Path:
    """Write a tagger's label distributions, each label that has a thousandth or more."""
    if not path.is_file():
        sentences = list(sentences)
        print(f"writing predictions of {len(sentences):,} sentences", flush=True)
        rows = []
        for sentence, scores in zip(sentences, sentence_logits(sentences, tagger, precision="auto"), strict=True):
            found = [
                {name: round(float(p), 4) for name, p in zip(tagger.labels, row, strict=True) if p >= 1e-3}
                for row in softmax(scores)
                if not np.isnan(row).any()
            ]
            if len(found) == len(sentence.words):
                rows.append(json.dumps({"words": sentence.words, "distributions": found}))
        write_atomic(path, "\n".join(dict.fromkeys(rows)) + "\n")
    return path


def spacy_pipeline(corpus: str, out: Path) -> Path:
    """Train spaCy's small pipeline; return its folder."""
    folder = out / "spacy"
    if not (folder / "seed-1").is_dir():
        subprocess.run([sys.executable, ROOT / "benchmarks" / "spacy_ner.py", folder, "--corpus", corpus], check=True)
    return folder / "seed-1"


def finkd(*arguments: object) -> None:
    """Run the command."""
    print("finkd", *arguments, flush=True)
    subprocess.run([*FINKD, *map(str, arguments)], check=True)


@dataclass(frozen=True)
class Row:
    """Scores of a teacher and of the student that it taught: strict F1.

    Attributes:
        teacher: kind of the teacher.
        teacher_f1: of the teacher against gold; ``None`` for a file that does not hold the scored sentences.
        student_f1: of the student against gold.
        agreement: of the student against the teacher's tags, on text that it has not read.
        seconds: that labels and training took.
    """

    teacher: str
    teacher_f1: float | None
    student_f1: float | None
    agreement: float | None
    seconds: float


def compared(name: str, teacher: str, data: NerData, labels: dict[str, str], given: Any, out: Path) -> Row:
    """Distil a student with the real command, and score it."""
    student = out / name
    extra = [part for pair in labels.items() for part in ("--labels", "=".join(pair))]
    text = [] if name == "predictions" else ["--text", given.text]
    sizes = ["--sentences", given.sentences, "--held-out", given.held_out]
    finkd("distill", "--teacher", teacher, *text, *extra, *sizes, "--out", student)
    record = RunRecord.load(student / "student-held-out.record.json")
    gold = data.splits[scored_split(data)]
    f1 = None
    if name != "predictions":
        tagger = FinishedTagger.open(teacher, LabelReading(labels), corpora.label_names(data.types))
        f1 = evaluate(gold, tagger, data.types).micro.f1
    of_student = evaluate(gold, load_model(student), data.types).micro.f1
    seconds = sum(stage.seconds for stage in record.lineage)
    return Row(name, f1, of_student, record.scores.micro.f1, seconds)


def as_table(rows: list[Row], given: Any, split: str) -> Table:
    """Return the table of all teachers."""
    columns = [
        (Column("teacher", "Teacher", "left"), lambda row: label(row.teacher)),
        (Column("teacher_f1", "Its F1"), lambda row: number(row.teacher_f1, 3)),
        (Column("student_f1", "Student's F1"), lambda row: number(row.student_f1, 3)),
        (Column("agreement", "Agreement"), lambda row: number(row.agreement, 3)),
        (Column("seconds", "Time (s)"), lambda row: number(row.seconds)),
    ]
    notes = [
        f"Strict F1 on the {split} split of {given.corpus}; no gold label of it or of its training split was given to "
        f"'finkd distill', which read {given.sentences:,} raw sentences.",
        f"Agreement: F1 against the teacher's own tags on up to {given.held_out:,} more sentences.",
        "A file of predictions holds what the first teacher says of the text.",
    ]
    return Table.of("finished-teachers", "One student, three finished taggers", None, notes, columns, rows)


def main() -> None:
    """Make the teachers, distil from each, write the table."""
    given = options(
        __doc__,
        "out",
        corpus="sample",
        with_types_of=("", "another corpus, which has more types"),
        start=("sentence-transformers/all-mpnet-base-v2", "pretrained model of the first teacher"),
        epochs=4.0,
        text=raw_text(),
        sentences=24_000,
        held_out=HELD_OUT,
    )
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    out = Path(given.out)
    data = corpora.load(given.corpus)
    more = corpora.load(given.with_types_of) if given.with_types_of else None
    dropped = {type_: "O" for type_ in (more.types if more else ()) if type_ not in data.types}
    model = tagger_with_more_types(data, more, given, out)
    folder = in_other_order(model, out / "transformers")
    text = KeptText(Text(given.text, given.sentences + given.held_out), Store(out / "store"))
    file = predictions(text.draw(), load_model(model), out / "predictions.jsonl")
    rows = [
        compared("transformers", str(folder), data, dropped, given, out / "students"),
        compared("spacy", str(spacy_pipeline(given.corpus, out)), data, {}, given, out / "students"),
        compared("predictions", str(file), data, dropped, given, out / "students"),
    ]
    write_atomic(out / "table.md", document([as_table(rows, given, scored_split(data))]))
    print((out / "table.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
