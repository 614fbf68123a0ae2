"""A section of a report in two or three sentences."""

from __future__ import annotations

from collections.abc import Iterator

from finkd.reports.captions import part, trainings
from finkd.reports.compared_systems import compared_systems
from finkd.reports.sections import Section, SystemResults
from finkd.reports.table import plain


def summary(section: Section) -> str:
    """Summarize a section: what the best student keeps of its teacher, and how many others are behind it."""
    student = section.best_student
    if student is None:
        scored = [system for system in section.systems if system.is_scored]
        if not scored:
            return plain(f"On {section.corpus} ({part(section)}), there is no entity, and none was found.")
        best = max(scored, key=lambda system: system.f1.mean)
        return plain(f"On {section.corpus} ({part(section)}), {best.name} reaches micro-F1 {best.f1.mean:.3f}.")
    baselines = [system for system in section.of_role("baseline") if system.is_scored]
    baseline = max(baselines, key=lambda system: system.f1.mean, default=None)
    sentences = [_student(section, student)]
    if baseline is not None and baseline.f1.mean >= student.f1.mean:
        sentences.append(f"The baseline {baseline.name}, which learns nothing, is not beaten: {baseline.f1.mean:.3f}.")
    return plain(" ".join([*sentences, *_others(section, student)]))


def _student(section: Section, student: SystemResults) -> str:
    place = f"On {section.corpus} ({part(section)}), the student {student.name}"
    teacher, retention = section.teacher_of(student), section.retention(student)
    if teacher is None or retention is None:
        return f"{place} reaches micro-F1 {student.f1.mean:.3f}."
    found = f"keeps {retention:.1%} of the teacher's micro-F1 ({student.f1.mean:.3f} of {teacher.f1.mean:.3f})"
    small, large = student.mean("parameters"), teacher.mean("parameters")
    if small is not None and large:
        found += f" with {small / large:.1%} of its parameters"
    fast, slow = student.mean("latency_ms_p50"), teacher.mean("latency_ms_p50")
    if student.machine_busy or teacher.machine_busy:
        return f"{place} {found}."  # times are not comparable
    if fast and slow and slow >= fast:
        found += f" and is {slow / fast:.1f} times as fast"
    elif fast and slow:
        found += f" and takes {fast / slow:.1f} times as long per sentence"
    return f"{place} {found}."


def _others(section: Section, student: SystemResults) -> Iterator[str]:
    """Yield how many other students are significantly behind the best one, if it is what they were compared with."""
    others = [each for each in compared_systems(section) if each.system.role == "student"]
    if section.reference is not student or not others:
        return
    of_models = trainings(each.comparison.seeds for each in others)
    if len(others) == 1:
        yield f"The other student is {'' if others[0].is_behind else 'not '}significantly behind it{of_models}."
    else:
        behind = sum(each.is_behind for each in others)
        verb = "is" if behind <= 1 else "are"
        yield f"Of the {len(others)} other students, {behind or 'none'} {verb} significantly behind it{of_models}."
