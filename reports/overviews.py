"""Tables over several sections: each is a function from all of them to a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from finkd.corpora.registry import Registry
from finkd.reports.captions import trainings
from finkd.reports.compared_systems import compared_systems
from finkd.reports.comparison_columns import MARK
from finkd.reports.sections import Section, SystemResults
from finkd.reports.spread import Spread
from finkd.reports.table import Cell, Column, Field, Table, label, number, plain, spread

_FEWEST = 2
"""Students that can be ranked."""

overviews: Registry[Callable[[Sequence[Section]], Table]] = Registry(
    "overviews",
    {
        "corpora": ("finkd.reports.overviews:corpora", "systems by corpora: micro-F1 of those scored on several"),
        "ranks": (
            "finkd.reports.overviews:ranks",
            "students by corpora: ranks by micro-F1, and whether they agree",
        ),
    },
)


def corpora(sections: Sequence[Section]) -> Table:
    """Make one row per system that several sections hold, one column per section; each one's best student is strong."""
    names = Counter(system.name for section in sections for system in section.systems)
    shared = [name for name, count in names.items() if count > 1]
    columns: list[Field[str]] = [
        (Column("system", "System", "left"), label),
        *(column for section in sections for column in _columns(section, plain(_heading(section, sections)))),
        (Column("mean", "Mean"), lambda name: _mean(name, sections)),
    ]
    whom = "the reference student" if any(section.has_named_reference for section in sections) else "it"
    of_models = trainings(each.comparison.seeds for section in sections for each in compared_systems(section))
    notes = [
        "Micro-F1: means ± sample standard deviation over seeds, with their number in brackets.",
        f"Bold: the best student of each. {MARK} significantly behind {whom} (table 'significance'){of_models}.",
        "Mean: over all of them, for systems that each holds.",
    ]
    return Table.of("corpora", "Systems by corpora", None, notes, columns, shared)


def ranks(sections: Sequence[Section]) -> Table:
    """Make one row per student of all sections that have students in common, the best mean rank first."""
    from scipy.stats import rankdata  # takes half a second to import

    sections, shared = _with_common_students(sections)
    notes = ["Rank of the mean micro-F1 among the students of this table; 1 is the best, equal ones share a rank."]
    if len(shared) < _FEWEST:
        return Table.of("ranks", "Ranks", None, notes, [(Column("system", "System", "left"), label)], [])
    f1s = np.array([[_by_name(section)[name].f1.mean for name in shared] for section in sections])
    found = rankdata(-f1s, axis=1)
    with np.errstate(invalid="ignore"):  # on a corpus where all are equal
        correlations = np.atleast_2d(np.corrcoef(found))
    alike = Spread.mean_of(correlations[np.triu_indices(len(sections), 1)].tolist())
    notes.append(
        f"Rank correlation of two corpora (Spearman), mean of all pairs: {number(alike, 2).text}; it is 1 where both "
        "have the same order, 0 where they have nothing in common."
    )
    rows = sorted(range(len(shared)), key=lambda place: float(found[:, place].mean()))
    columns: list[Field[int]] = [
        (Column("system", "System", "left"), lambda place: label(shared[place], _ids(shared[place], sections))),
        *(
            (
                Column(
                    plain(f"{section.experiment}/{section.corpus}/{section.split}"), plain(_heading(section, sections))
                ),
                lambda place, row=row: number(float(found[row, place]), 1),
            )
            for row, section in enumerate(sections)
        ),
        (Column("mean", "Mean"), lambda place: number(float(found[:, place].mean()), 1)),
    ]
    return Table.of("ranks", "Ranks", None, notes, columns, rows)


def _with_common_students(sections: Sequence[Section]) -> tuple[list[Section], list[str]]:
    """Return the sections that hold students of other sections too, and those students that all of these hold."""
    named = [
        (section, [student.name for student in section.of_role("student") if student.is_scored]) for section in sections
    ]
    counts = Counter(name for _, names in named for name in names)
    held = [(section, names) for section, names in named if sum(counts[name] > 1 for name in names) >= _FEWEST]
    shared = [name for name in held[0][1] if all(name in names for _, names in held)] if held else []
    return [section for section, _ in held], shared


def _ids(name: str, sections: Sequence[Section]) -> tuple[str, ...]:
    return tuple(each for section in sections for each in _by_name(section)[name].ids)


def _by_name(section: Section) -> dict[str, SystemResults]:
    return {system.name: system for system in section.systems}


def _heading(section: Section, sections: Sequence[Section]) -> str:
    """Name the corpus, and whatever else tells it from another section's."""
    alike = [each for each in sections if each.corpus == section.corpus]
    if len(alike) == 1:
        return section.corpus
    if len({each.experiment for each in alike}) == len(alike):
        return f"{section.corpus}, {section.experiment}"
    return f"{section.corpus}, {section.experiment}, {section.split}"


def _columns(section: Section, heading: str) -> list[Field[str]]:
    """Make the columns of micro-F1 on a section, and for data files its deviation and the number of seeds."""
    key = plain(f"{section.experiment}/{section.corpus}/{section.split}")
    systems, best = _by_name(section), section.best_student
    behind = {each.system.name for each in compared_systems(section) if each.is_behind}

    def f1(name: str) -> Cell:
        system = systems.get(name)
        if system is None:
            return label(None)
        return spread(system.f1, records=system.ids, strong=system is best, mark=MARK if name in behind else "")

    def detail(figure: Callable[[SystemResults], float | None]) -> Callable[[str], Cell]:
        return lambda name: number(figure(systems[name])) if name in systems else label(None)

    return [
        (Column(key, heading), f1),
        (Column(f"{key} sd", detail=True), detail(lambda system: system.f1.sd)),
        (Column(f"{key} seeds", detail=True), detail(lambda system: system.f1.n)),
    ]


def _mean(name: str, sections: Sequence[Section]) -> Cell:
    found = [_by_name(section).get(name) for section in sections]
    systems = [system for system in found if system is not None]
    if len(systems) < len(sections):
        return label(None)
    ids = tuple(each for system in systems for each in system.ids)
    return number(sum(system.f1.mean for system in systems) / len(systems), 3, ids)
