"""Human evaluation of summaries: a blind form for raters, mean grades and agreement of the raters."""

from __future__ import annotations

import hashlib
import json
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from finkd.corpora.errors import ConfigError, DataError
from finkd.corpora.wording import counted
from finkd.reports.pages.templating import TEMPLATES, inline_script
from finkd.reports.spread import Spread
from finkd.reports.table import Cell, Column, Field, Table, label, number, plain, share, spread
from finkd.settings import without_prefix
from finkd.suites.record import TaskRecord

CRITERIA: Mapping[str, str] = {
    "fluency": "Does it read well?",
    "faithfulness": "Is everything that it says in the dialogue?",
    "coverage": "Does it say what matters?",
}
LOWEST, HIGHEST = 1, 5
Read = TypeVar("Read")


@dataclass(frozen=True)
class Item:
    """One summary that is rated.

    Attributes:
        name: what the form calls it.
        dialogue: index of its dialogue.
        system: what wrote it; raters do not see it.
        record: id of the record that it is from.
        text: the summary.
    """

    name: str
    dialogue: int
    system: str
    record: str
    text: str


@dataclass(frozen=True)
class Form:
    """A rating form: the texts for raters, and the key that they must not see.

    Attributes:
        seed: by which dialogues were drawn and summaries shuffled.
        items: in the order of the form.
    """

    seed: int
    items: tuple[Item, ...]

    @property
    def id(self) -> str:
        """Name that the form, its key and raters' files share."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


def draw(records: Sequence[TaskRecord], count: int, seed: int) -> Form:
    """Draw dialogues, and shuffle the summaries that systems wrote of each.

    Args:
        records: of summaries, scored on the same dialogues; of several seeds the first one is taken.
        count: how many dialogues.
        seed: decides both.

    Raises:
        ConfigError: if there are no summaries, fewer dialogues, or systems that wrote of different ones.
    """
    written = [record for record in records if record.texts]
    if not written:
        raise ConfigError("human-eval: no summaries among these records; run 'finkd evaluate --suite summarization'")
    first: dict[str, TaskRecord] = {}
    for record in written:
        name = record.system if record.role == "baseline" else f"{record.system}, {record.method}"
        first.setdefault(name, record)
    if len({(record.task, record.split, record.fingerprint) for record in first.values()}) > 1:
        raise ConfigError("human-eval: these records are of different dialogues; name the folder of one run")
    available = len(written[0].texts)
    if not 1 <= count <= available:
        raise ConfigError(f"--items: expected 1 to {available} (got {count})")
    chance = random.Random(seed)
    items: list[Item] = []
    for dialogue in chance.sample(range(available), count):
        systems = list(first)
        chance.shuffle(systems)
        for system in systems:
            record = first[system]
            items.append(Item(f"{len(items) + 1}", dialogue, system, record.id, record.texts[dialogue]))
    return Form(seed, tuple(items))


def page(form: Form, dialogues: Sequence[str]) -> str:
    """Return the form as one HTML page that needs no other file and no network."""
    groups = [
        {"dialogue": dialogues[dialogue], "items": [(item.name, item.text) for item in members]}
        for dialogue, members in groupby(form.items, lambda item: item.dialogue)
    ]
    return TEMPLATES.get_template("rating.html.j2").render(
        form=form.id,
        groups=groups,
        criteria=CRITERIA,
        grades=range(LOWEST, HIGHEST + 1),
        **inline_script("rating.js"),
    )


def key(form: Form) -> str:
    """Return the key of a form, which system wrote what, as JSON; not for raters."""
    return json.dumps({"form": form.id, **asdict(form)}, indent=1) + "\n"


@dataclass(frozen=True)
class Key:
    """The key of a form: its name, and all of it."""

    form: str
    seed: int
    items: tuple[Item, ...]


def read_key(path: Path) -> Form:
    """Read a key.

    Raises:
        DataError: if it is none, or was changed.
    """
    found = _read(path, Key, "not the key of a form")
    form = Form(found.seed, found.items)
    if found.form != form.id:
        raise DataError(f"{path}: does not match its own name {found.form}; it was changed")
    return form


@dataclass(frozen=True)
class Ratings:
    """One rater's file.

    Attributes:
        form: name of the form.
        rater: who.
        ratings: item -> criterion -> grade.
    """

    form: str
    rater: str
    ratings: dict[str, dict[str, int]]


def read_ratings(path: Path, form: Form) -> Ratings:
    """Read a rater's file.

    Raises:
        DataError: if it is of another form, lacks grades, or has some that are out of range.
    """
    found = _read(path, Ratings, "not a rater's file")
    if found.form != form.id:
        raise DataError(f"{path}: is of form {found.form}, the key of {form.id}; other texts or another seed")
    missing = [f"{item.name} ({name})" for item in form.items for name in CRITERIA if not _grade(found, item, name)]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise DataError(f"{path}: no grade from {LOWEST} to {HIGHEST} for {', '.join(missing[:3])}{more}")
    return found


def _grade(found: Ratings, item: Item, criterion: str) -> int:
    """Return the grade, 0 if there is none within the range."""
    grade = found.ratings.get(item.name, {}).get(criterion, 0)
    return grade if LOWEST <= grade <= HIGHEST else 0


def _read(path: Path, kind: type[Read], problem: str) -> Read:
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    except ValidationError as error:
        raise DataError(f"{path}: {problem} ({without_prefix(error.errors()[0]['msg'])})") from error


def means(form: Form, raters: Sequence[Ratings]) -> Table:
    """Make one row per system: mean grade of each criterion over items and raters, the best first."""
    items: dict[str, list[Item]] = {}
    for item in form.items:
        items.setdefault(item.system, []).append(item)
    records = {system: tuple(dict.fromkeys(item.record for item in own)) for system, own in items.items()}

    def grades(system: str, criterion: str) -> list[int]:
        return [_grade(rater, item, criterion) for rater in raters for item in items[system]]

    def mean_of(criterion: str) -> Callable[[str], Cell]:
        return lambda system: spread(Spread.of(grades(system, criterion)), 2, records[system])

    overall = {
        system: statistics.fmean(statistics.fmean(grades(system, name)) for name in CRITERIA) for system in items
    }
    columns: list[Field[str]] = [
        (Column("system", "System", "left"), lambda system: label(system, records[system])),
        *((Column(name, name.capitalize()), mean_of(name)) for name in CRITERIA),
        (Column("mean", "Mean"), lambda system: number(overall[system], 2, records[system])),
    ]
    order = sorted(overall, key=lambda system: -overall[system])
    notes = (
        f"Grades from {LOWEST} to {HIGHEST}; means ± sample standard deviation over summaries and raters, with their "
        "number in brackets.",
        f"{counted(len(raters), 'rater')}, who did not know what wrote which summary. Seed of the draw: {form.seed}.",
    )
    return Table.of("human-eval", "Human evaluation", None, notes, columns, order)


def agreement(form: Form, raters: Sequence[Ratings]) -> Table:
    """Compute Krippendorff's alpha of each criterion, grades taken as ordered; missing with fewer than two raters."""
    columns = (Column("criterion", "Criterion", "left"), Column("alpha", "Alpha"), Column("same", "Same grade (%)"))
    rows = []
    for name in CRITERIA:
        matrix = np.array([[_grade(rater, item, name) for item in form.items] for rater in raters], np.float64)
        same = float((matrix == matrix[0]).all(axis=0).mean()) if len(matrix) > 1 else None
        rows.append((label(name.capitalize()), number(ordinal_alpha(matrix), 2), share(same)))
    notes = (
        "Krippendorff's alpha for ordered grades: 1 where raters agree, 0 where they do as by chance.",
        f"{counted(len(raters), 'rater')}: {plain(', '.join(rater.rater for rater in raters))}.",
    )
    return Table("human-eval-agreement", "Agreement of the raters", notes, columns, tuple(rows))


def ordinal_alpha(grades: npt.NDArray[np.float64]) -> float | None:
    """Compute Krippendorff's alpha (2011) for ordered grades: 1 - (n - 1) sum(o d) / sum(e d), over pairs of grades.

    Args:
        grades: (raters, items) grades of any scale, NaN where there is none.

    Returns:
        1 where raters agree, 0 where they do as by chance, less where they contradict each other; ``None`` if no two
        raters graded one item, or all grades that can be compared are the same.
    """
    values, codes = np.unique(grades[~np.isnan(grades)], return_inverse=True)
    counts = np.zeros((grades.shape[1], len(values)))  # how often each item was given each grade
    np.add.at(counts, (np.nonzero(~np.isnan(grades))[1], codes), 1)
    counts = counts[counts.sum(axis=1) > 1]
    given = counts.sum(axis=0)
    if (given > 0).sum() < 2:
        return None
    observed = (counts / (counts.sum(axis=1, keepdims=True) - 1)).T @ counts  # pairs of unlike grades within an item
    expected = np.outer(given, given)
    # Two grades are as far apart, squared, as there are grades from the one to the other.
    middle = np.cumsum(given) - given / 2
    distance = (middle[:, None] - middle) ** 2
    return float(1 - (given.sum() - 1) * (observed * distance).sum() / (expected * distance).sum())
