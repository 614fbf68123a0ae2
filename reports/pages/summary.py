"""One section in a few plain sentences, made from its figures."""

from __future__ import annotations

from finkd.reports.sections import Section, System
from finkd.reports.table import plain


def summary(section: Section) -> str:
    """What the best student keeps of its teacher, and whether a baseline beats it; plain text of one line."""
    student = section.best_student
    if student is None:
        scored = [system for system in section.systems if system.is_scored]
        if not scored:
            return plain(f"On {section.corpus} ({section.split} split), there is no entity, and none was found.")
        best = max(scored, key=lambda system: system.f1.mean)
        return plain(f"On {section.corpus} ({section.split} split), {best.name} reaches micro-F1 {best.f1.mean:.3f}.")
    baselines = [system for system in section.of_role("baseline") if system.is_scored]
    baseline = max(baselines, key=lambda system: system.f1.mean, default=None)
    sentences = [_student(section, student)]
    if baseline is not None and baseline.f1.mean >= student.f1.mean:
        sentences.append(f"The baseline {baseline.name}, which learns nothing, is not beaten: {baseline.f1.mean:.3f}.")
    return plain(" ".join(sentences))


def _student(section: Section, student: System) -> str:
    place = f"On {section.corpus} ({section.split} split), the student {student.name}"
    teacher, retention = section.teacher, section.retention(student)
    if teacher is None or retention is None:
        return f"{place} reaches micro-F1 {student.f1.mean:.3f}."
    parts = [
        f"keeps {retention:.1%} of the teacher's micro-F1 ({student.f1.mean:.3f} of {teacher.f1.mean:.3f})",
        *_size(student, teacher),
    ]
    return f"{place} {' '.join(parts)}{_speed(student, teacher)}."


def _size(student: System, teacher: System) -> list[str]:
    if student.parameters is None or not teacher.parameters:
        return []
    return [f"with {student.parameters / teacher.parameters:.1%} of its parameters"]


def _speed(student: System, teacher: System) -> str:
    fast, slow = student.latency("p50"), teacher.latency("p50")
    if not fast or not slow:
        return ""
    if slow >= fast:
        return f" and is {slow / fast:.1f} times as fast"
    return f" and takes {fast / slow:.1f} times as long per sentence"
