"""The mistakes of an experiment that types alone don't show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finkd.corpora.errors import ConfigError, UnknownNameError
from finkd.corpora.loading import check_exists
from finkd.corpora.registry import unknown
from finkd.evaluation.baselines import baselines
from finkd.experiments.configuration.layout import slug
from finkd.models.pretrained import resolve
from finkd.settings import joined
from finkd.stages import stages
from finkd.strategies import strategies
from finkd.strategies.parsing import parse
from finkd.teachers import check_found

if TYPE_CHECKING:
    from finkd.data.raw_text import Text
    from finkd.experiments.configuration.experiment import Experiment, System
    from finkd.experiments.configuration.teachers import TeacherReference

_STAGE = re.compile(r"[a-z-]+(:[a-z-]+)?")
MAX_SEED = 2**32 - 1
MAX_SEEDS = 1000
MAX_SYSTEMS = 200
MAX_QUERIES = 1_000_000


def check(experiment: Experiment) -> None:
    """Find the mistakes that types alone don't show, before any work is done.

    Raises:
        ConfigError: with all of them.
    """
    check_counts(len(experiment.systems), len(experiment.seeds))
    problems = [*_names(experiment), *_numbers(experiment)]
    problems += stage_problems(experiment.stages)
    known = set(problems)
    for name, system in experiment.systems.items():
        found = strategy_problems(system.strategy, experiment.stages) if system.strategy else []
        problems += [f"systems.{name}.strategy: {problem}" for problem in found if problem not in known]
    if problems:
        raise ConfigError(joined(problems))


def stage_problems(stages_set: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Settings of stages that do not exist, or that are wrong."""
    for stage in stages_set:
        if not _STAGE.fullmatch(stage):
            yield f"stages.{stage}: expected a stage, such as 'finetune' or 'distill:text'"
        elif stage in strategies and stage not in stages:
            parts = ", ".join(dict.fromkeys(step.name for step in parse(stage, {})))
            yield f"stages.{stage}: is the name of a strategy; set its stages instead ({parts})"
        else:
            yield from strategy_problems(stage, stages_set)


def check_counts(systems: int, seeds: int) -> None:
    """Raise ``ConfigError`` if there are so many systems or seeds that it is a mistake."""
    for key, count, limit in (("systems", systems, MAX_SYSTEMS), ("seeds", seeds, MAX_SEEDS)):
        if count > limit:
            raise ConfigError(f"{key}: expected up to {limit} (got {count})")


def find_inputs(experiment: Experiment, only: Sequence[str] = ()) -> None:
    """Find the corpora and the models that systems begin with or consist of, without loading them.

    Args:
        experiment: whose.
        only: names of the systems whose models are looked for, and those of their teachers; none stand for all.

    Raises:
        FinkdError: if one is nowhere.
    """
    for corpus in (experiment.corpus, *(text.corpus for text in (experiment.text, experiment.general) if text)):
        check_exists(corpus)
    chosen = [name for name in only if name in experiment.systems]
    taught = [*chosen, *(teacher for name in chosen if (teacher := experiment.teacher_of(name)))]
    members = [each.system for name in taught for each in experiment.systems[name].members]
    wanted = {*taught, *members} if only else {*experiment.systems}
    for name, system in experiment.systems.items():
        if name not in wanted:
            continue
        if system.strategy:
            resolve(experiment.start_of(name))
        for member in system.members:
            if member.model is not None:
                check_found(member.model)


def _names(experiment: Experiment) -> Iterator[str]:
    """Names that are unknown, or that cannot tell files apart."""
    if not slug(experiment.name):
        yield f"name: expected a letter or digit (got {experiment.name!r})"
    for split in {"train", experiment.split}.intersection(experiment.extra_splits):
        yield f"extra_splits: expected splits on which nothing is learned or chosen (got {split!r})"
    yield from _teachers(experiment)
    if not experiment.systems:
        yield "systems: expected at least one, such as 'teacher: {role: teacher, strategy: finetune}'"
    for baseline in experiment.baselines:
        if baseline not in baselines:
            yield unknown("baselines", baseline, baselines)
    yield from name_problems((*experiment.baselines, *experiment.systems))
    students = [name for name, system in experiment.systems.items() if system.role == "student"]
    if experiment.reference is not None and experiment.reference not in students:
        yield f"reference: expected a student, one of {', '.join(students)} (got {experiment.reference!r})"


def name_problems(names: Iterable[str]) -> Iterator[str]:
    """Names of systems that cannot tell their files apart."""
    taken: dict[str, str] = {}
    for name in names:
        if not slug(name):
            yield f"systems.{name}: expected a letter or digit in the name"
        elif slug(name) in taken:
            yield f"systems.{name}: its files would have the names of those of {taken[slug(name)]!r}; rename one"
        taken[slug(name)] = name


def _teachers(experiment: Experiment) -> Iterator[str]:
    """Systems that name no teacher, or the wrong one."""
    teachers = experiment.teachers
    for name, system in experiment.systems.items():
        key, found = f"systems.{name}.teacher", system.teacher
        if system.role == "teacher":
            yield from _teacher(name, system, experiment)
        elif not system.strategy:
            yield f"systems.{name}.strategy: expected stages, such as 'truncate-layers > task-distill:gold' (got none)"
        elif system.folds is not None:
            yield f"systems.{name}.folds: are for systems with the role 'teacher'"
        elif found is not None and found not in teachers:
            yield f"{key}: expected a system with the role 'teacher' (got {found!r})"
        elif found is None and len(teachers) > 1:
            yield f"{key}: expected one of several teachers ({', '.join(teachers)}; got none)"
        yield from _named(name, experiment)


def _named(name: str, experiment: Experiment) -> Iterator[str]:
    """Stages of a system that name no teacher that is trained before it."""
    is_teacher = experiment.systems[name].role == "teacher"
    known = experiment.teachers[: experiment.teachers.index(name)] if is_teacher else experiment.teachers
    try:
        named = experiment.named_by(name)
    except (ConfigError, UnknownNameError):
        return  # told where strategies are checked
    for other in named:
        if other not in known:
            above = " above it" if is_teacher else ""
            yield (
                f"systems.{name}.strategy: task-distill.teacher: expected a system with the role 'teacher'{above} "
                f"(got {other!r})"
            )


def _teacher(name: str, system: System, experiment: Experiment) -> Iterator[str]:
    """Mistakes of a system that others learn from."""
    where = f"systems.{name}"
    if bool(system.strategy) == bool(system.members):
        yield f"{where}: expected either a strategy, or a teacher: a tagger or a list of taggers, which it then is"
    if system.members and (system.start is not None or system.folds is not None):
        yield f"{where}: start and folds are for a teacher with a strategy"
    for number, member in enumerate(system.members):
        yield from (f"{where}.teacher.{number}{problem}" for problem in _member(member, experiment))


def _member(member: TeacherReference, experiment: Experiment) -> Iterator[str]:
    """Mistakes of a member of an ensemble, each after its path."""
    if (member.system is None) == (member.model is None):
        yield ": expected either a system or a model"
    elif member.system is None:
        if member.seed is not None:
            yield ".seed: is for a system; a finished model has none"
        return
    known = experiment.systems.get(member.system or "")
    if member.system is not None and (known is None or known.role != "teacher" or not known.strategy):
        yield f".system: expected a system with the role 'teacher' and a strategy (got {member.system!r})"
    elif known is not None and known.folds is not None and member.seed is not None:
        yield f".seed: {member.system!r} has folds, of which all have the run's seed; leave the seed out"
    elif experiment.cross_validation is not None and member.seed is not None:
        yield ".seed: another seed learns from what this one is scored on (cross_validation); leave the seed out"
    if member.system is not None and (member.labels or member.scheme):
        yield ": labels and scheme are for a model; a system scores the labels of the corpus"


def seed_problems(seeds: Sequence[int]) -> Iterator[str]:
    """Seeds that are none, or stand twice."""
    if len(set(seeds)) != len(seeds) or not seeds:
        yield f"seeds: expected different numbers, at least one (got {list(seeds)})"
    if max(seeds, default=0) > MAX_SEED:
        yield f"seeds: expected numbers up to {MAX_SEED} (got {max(seeds)})"
    if min(seeds, default=0) < 0:
        yield f"seeds: expected numbers from 0 (got {list(seeds)})"


def check_seeds(seeds: Sequence[int]) -> None:
    """Check seeds that no configuration holds.

    Raises:
        ConfigError: if there is none, one stands twice, or one is no seed.
    """
    if problems := list(seed_problems(seeds)):
        raise ConfigError(joined(problems))


def _numbers(experiment: Experiment) -> Iterator[str]:
    yield from seed_problems(experiment.seeds)
    if (parts := experiment.cross_validation) is not None:
        if experiment.split != "train":
            yield f"split: cross_validation scores parts of the training split, train (got {experiment.split!r})"
        if not set(experiment.seeds) <= set(range(1, parts + 1)):
            yield f"seeds: with cross_validation, expected numbers from 1 to {parts} (got {list(experiment.seeds)})"
    elif experiment.split == "train":
        yield "split: systems learn from train; choose another split, or set cross_validation (got 'train')"
    if not 0 <= experiment.measure <= MAX_QUERIES:
        yield f"measure: expected 0 to {MAX_QUERIES:,} queries (got {experiment.measure})"
    yield from text_problems(experiment.text, experiment.general)


def text_problems(text: Text | None, general: Text | None) -> Iterator[str]:
    """Raw texts without a sentence."""
    for key, each in (("text", text), ("general", general)):
        if each is not None and each.sentences < 1:
            yield f"{key}.sentences: expected 1 or more (got {each.sentences})"
        if each is not None and not 0 <= each.min_words <= each.max_words:
            yield f"{key}.min_words: expected 0 to max_words ({each.max_words}; got {each.min_words})"


def strategy_problems(text: str, stages: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The mistakes in a strategy, in the settings of its stages and in their loss terms."""
    try:
        steps = parse(text, stages)
    except (ConfigError, UnknownNameError) as error:
        return str(error).splitlines()

    problems = []
    for step in steps:
        try:
            step.stage.terms()
        except (ConfigError, UnknownNameError) as error:
            problems += [f"stages.{step.name}.{line}" for line in str(error).splitlines()]
    return problems
