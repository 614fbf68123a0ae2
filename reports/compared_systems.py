"""Comparisons of every trained system with the reference student, which tables and pictures show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from finkd.reports.bootstrap import Comparison, compare, holm, significant
from finkd.reports.sections import Section, SystemResults


@dataclass(frozen=True)
class ComparedSystem:
    """A system that was compared with the reference.

    Attributes:
        system: the system.
        comparison: the reference less this one.
        p: its p-value, adjusted for all comparisons of the section.
    """

    system: SystemResults
    comparison: Comparison
    p: float

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the system's records."""
        return self.system.ids

    @property
    def is_behind(self) -> bool:
        """Whether it is significantly worse."""
        return significant(self.p) and self.comparison.difference > 0


@lru_cache(maxsize=1024)  # several tables, pictures and the summary of a section ask
def compared_systems(section: Section) -> tuple[ComparedSystem, ...]:
    """Compare teachers and students with the reference; none where records do not tell documents apart."""
    reference = section.reference
    if reference is None:
        return ()
    others = [system for system in section.systems if system.role != "baseline" and system is not reference]
    found = [(system, compare(reference.records, system.records)) for system in others]
    compared = [(system, comparison) for system, comparison in found if comparison is not None]
    p_values = holm([comparison.p for _, comparison in compared])
    return tuple(
        ComparedSystem(system, comparison, p) for (system, comparison), p in zip(compared, p_values, strict=True)
    )
