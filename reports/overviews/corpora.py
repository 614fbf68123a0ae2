"""The systems that were scored on several corpora, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finkd.reports.sections import Section, System
from finkd.reports.table import Cell, Column, Table, label, number, plain, spread
from finkd.reports.tables.significance import MARK, rivals


def corpora(sections: Sequence[Section]) -> Table:
    """One row per system that several sections hold, one column per section; each one's best student is strong."""
    shared = [name for name in _names(sections) if sum(name in _by_name(each) for each in sections) > 1]
    columns: list[tuple[Column, Callable[[str], Cell]]] = [
        (Column("system", "System", "left"), label),
        *(column for section in sections for column in _columns(section, plain(_heading(section, sections)))),
        (Column("mean", "Mean"), lambda name: _mean(name, sections)),
    ]
    notes = [
        "Micro-F1: means ± sample standard deviation over seeds, with their number in brackets.",
        f"Bold: the best student of each. {MARK} significantly behind it (table 'significance').",
        "Mean: over all of them, for systems that each holds.",
    ]
    rows = tuple(tuple(cell(name) for _, cell in columns) for name in shared)
    return Table("corpora", "Systems by corpora", tuple(notes), tuple(column for column, _ in columns), rows)


def _names(sections: Sequence[Section]) -> list[str]:
    return list(dict.fromkeys(system.name for section in sections for system in section.systems))


def _by_name(section: Section) -> dict[str, System]:
    return {system.name: system for system in section.systems}


def _key(section: Section) -> str:
    return f"{section.experiment}/{section.corpus}/{section.split}"


def _heading(section: Section, sections: Sequence[Section]) -> str:
    """The corpus, and whatever else tells it from another section's."""
    alike = [each for each in sections if each.corpus == section.corpus]
    if len(alike) == 1:
        return section.corpus
    if len({each.experiment for each in alike}) == len(alike):
        return f"{section.corpus}, {section.experiment}"
    return f"{section.corpus}, {section.experiment}, {section.split}"


def _columns(section: Section, heading: str) -> list[tuple[Column, Callable[[str], Cell]]]:
    """Micro-F1 on a section, and for data files its deviation and the number of seeds."""
    key, systems = plain(_key(section)), _by_name(section)

    def detail(figure: Callable[[System], float | None]) -> Callable[[str], Cell]:
        return lambda name: number(figure(systems[name])) if name in systems else label(None)

    return [
        (Column(key, heading), _f1(section)),
        (Column(f"{key} sd", detail=True), detail(lambda system: system.f1.sd)),
        (Column(f"{key} seeds", detail=True), detail(lambda system: system.f1.n)),
    ]


def _f1(section: Section) -> Callable[[str], Cell]:
    systems, best = _by_name(section), section.best_student
    behind = {rival.system.name for rival in rivals(section) if rival.is_behind}

    def cell(name: str) -> Cell:
        system = systems.get(name)
        if system is None:
            return label(None)
        return spread(system.f1, 3, system.ids, strong=system is best, mark=MARK if name in behind else "")

    return cell


def _mean(name: str, sections: Sequence[Section]) -> Cell:
    found = [_by_name(section).get(name) for section in sections]
    systems = [system for system in found if system is not None]
    if len(systems) < len(sections):
        return label(None)
    ids = tuple(each for system in systems for each in system.ids)
    return number(sum(system.f1.mean for system in systems) / len(systems), 3, ids)
