"""A first configuration for a user's own corpus, with comments, by a few answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from finkd.models.pretrained import DEFAULT

Size = Literal["half", "small", "tiny"]
_COLUMN = 54
"""Of the comments."""
_PARTS = 5


@dataclass(frozen=True)
class _Cut:
    """What is left of the model that a student begins as.

    Attributes:
        layers: numbers of the layers that stay.
        vocabulary: tokens; ``None`` keeps the teacher's.
        about: for the comment.
    """

    layers: Sequence[int]
    vocabulary: int | None
    about: str


SIZES: dict[Size, _Cut] = {
    "half": _Cut((0, 2, 5), None, "half of the layers, the vocabulary as it is"),
    "small": _Cut((0, 2, 5), 8000, "half of the layers, a vocabulary of its own"),
    "tiny": _Cut((0, 5), 3000, "two layers, a small vocabulary of its own"),
}


@dataclass(frozen=True)
class Answers:
    """What a first configuration is made of.

    Attributes:
        name: of the experiment.
        corpus: labelled, by name or path.
        split: that is scored; ``train`` is scored in parts, by cross-validation.
        text: raw text, by name or path, if there is any.
        teacher: model that the teacher begins as.
        size: of the students.
    """

    name: str
    corpus: str
    split: str
    text: str | None = None
    teacher: str = DEFAULT
    size: Size = "small"


def starter(answers: Answers, path: str) -> str:
    """Write a configuration with comments: a teacher, a student that is only fine-tuned, and one that is distilled.

    Args:
        answers: what it is made of.
        path: where it will lie, for the commands in its head.
    """
    cut, parts = SIZES[answers.size], answers.split == "train"
    shrunk = "truncate-layers > replace-vocabulary" if cut.vocabulary else "truncate-layers"
    learned = "task-distill:text > task-distill:gold" if answers.text else "task-distill:gold"
    start, rate = "", ""
    if answers.teacher != DEFAULT:  # large encoders want small steps
        start, rate = f"start: {_quoted(answers.teacher)}, ", "(schedule={learning_rate: 5e-5})"
    lines = [
        _commented(f"corpus: {_quoted(answers.corpus)}", "sentences with labels"),
        _commented(f"split: {answers.split}", "is scored" if parts else "is scored; nothing learns from it"),
    ]
    if parts:
        lines.append(_commented(f"cross_validation: {_PARTS}", f"a seed learns from all but one of {_PARTS} parts"))
    if answers.text:
        text = f"text: {{corpus: {_quoted(answers.text)}, sentences: 24000}}"
        lines.append(_commented(text, "raw text, at most so much, which the teacher labels"))
    layers = f"  truncate-layers: {{layers: {list(cut.layers)}}}"
    lines += ["stages:", _commented(layers, "of six; the others are left out")]
    if cut.vocabulary:
        lines.append(_commented(f"  replace-vocabulary: {{size: {cut.vocabulary}}}", "tokens of the students' own"))
    lines.append("  finetune: {schedule: {epochs: 5, learning_rate: 2e-4, batch_tokens: 512}}")
    if answers.text:
        lines.append("  task-distill:text: {schedule: {epochs: 2, learning_rate: 5e-4, dropout: 0}}")
    lines += [
        "  task-distill:gold: {schedule: {epochs: 5, learning_rate: 2e-4, batch_tokens: 512}}",
        "systems:",
        f'  teacher: {{role: teacher, {start}strategy: "finetune{rate}"}}',
        f'  fine-tuned only: {{strategy: "{shrunk} > finetune"}}',
        f'  distilled: {{strategy: "{shrunk} > {learned}"}}',
    ]
    head = [
        f"# Students of {cut.about}. Every key: docs/reference/configuration.md, 'finkd schema'",
        f"#   finkd run {path} --dry-run         what it will cost",
        f"#   finkd run {path} --seeds 1,2,3     three runs of each system, compared in a report",
        f"name: {_quoted(answers.name)}",
    ]
    return "\n".join([*head, *lines]) + "\n"


def _commented(line: str, comment: str) -> str:
    return f"{line:<{_COLUMN}}  # {comment}"


def _quoted(text: str | None) -> str:
    """Return a text as YAML has it; JSON strings are YAML, too."""
    return json.dumps(text, ensure_ascii=False)
