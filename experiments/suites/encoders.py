"""Run an experiment on encoders: a teacher and its students, all fine-tuned alike on general tasks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from itertools import product
from pathlib import Path

from finkd.corpora.errors import ConfigError, located
from finkd.corpora.files import folder_lock
from finkd.data.raw_text import RawText
from finkd.experiments.configuration.layout import default_folder, model_path, store_beside
from finkd.experiments.running.claim import claim, joined_settings
from finkd.experiments.running.events import Listener, ignored
from finkd.experiments.running.jobs import side_by_side
from finkd.experiments.running.single_strategy import CheckedStrategy, checked, drawn, of_model
from finkd.experiments.suites import suites
from finkd.experiments.suites.checks import check_suites
from finkd.experiments.suites.encoder_experiment import TEXT_SUITES, TIMED, EncoderExperiment
from finkd.experiments.suites.records import settings_json
from finkd.experiments.suites.request import FromFineTuned, Request
from finkd.machine import processes
from finkd.models import pretrained
from finkd.reports.build import build as write_report
from finkd.store import Store, address
from finkd.suites.record import SUFFIX, TaskRecord, load_task_records
from finkd.teachers.teacher import Teacher

_System = tuple[int, str]


def run_encoders(
    experiment: EncoderExperiment, out: Path | None = None, listen: Listener = ignored, jobs: int = 1
) -> list[TaskRecord]:
    """Make the students and try them and their teacher on the suites; what was computed before is not computed again.

    Args:
        experiment: what to compare.
        out: folder of the reports, ``records`` and ``models``; default ``runs/<name>``.
        listen: called as the work goes on.
        jobs: how many systems to train at once, each in a process of its own; what measures time comes afterwards.

    Returns:
        one record per system, task, split and seed, as also written to ``out/records``.

    Raises:
        FinkdError: before anything is trained, if something named does not exist, the data of a chosen task are
            nowhere, or the folder is in use.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> records = finkd.run_encoders(finkd.load_encoder_experiment("encoders.yaml"), Path("encoders"))
        >>> [(record.system, record.task) for record in records]
        [('encoder', 'wnli'), ('first layer', 'wnli')]
    """
    out = out or default_folder(experiment.name)
    if processes.count() > 1:
        raise ConfigError("run: encoders are not compared by accelerate launch; begin several systems with --jobs")
    students = Students(experiment, Store(store_beside(out)))
    systems = list(product(experiment.seeds, (experiment.teacher_name, *experiment.systems)))
    for seed, name in product(experiment.seeds, experiment.systems):
        students.made(seed, name)
    for suite in experiment.suites:
        check_suites(_request(students, out, suite, systems[0], experiment.teacher, listen), [suite])
    settings = joined_settings(out, settings_json(experiment), students.read, f"*{SUFFIX}")
    timed = [suite for suite in experiment.suites if suite in TIMED]
    others = [suite for suite in experiment.suites if suite not in TIMED]
    with folder_lock(out), students.store.in_use():
        claim(out, settings)
        if jobs > 1:
            side_by_side(partial(_try_alone, experiment, out, others), systems, min(jobs, len(systems)), listen)
        for chosen in (timed,) if jobs > 1 else (others, timed):
            for system in systems:
                _try(students, out, chosen, system, listen)
        names = {experiment.teacher_name, *settings["systems"]}
        records = [record for record in load_task_records([out]) if record.system in names]
        write_report([], out, task_records=records)
        return records


class Students:
    """The students of an experiment, and what they are made of.

    Args:
        experiment: whose students.
        store: of results.
    """

    def __init__(self, experiment: EncoderExperiment, store: Store) -> None:
        self.experiment = experiment
        self.store = store
        self._made: dict[tuple[int, str], CheckedStrategy] = {}

    def made(self, seed: int, name: str) -> CheckedStrategy:
        """A student's strategy, checked.

        Raises:
            ConfigError: if a stage lacks something that it needs.
        """
        if (seed, name) not in self._made:
            model = self.experiment.systems[name].start or self.experiment.teacher
            self._made[seed, name] = self._checked(seed, name, model, self._teacher)
        return self._made[seed, name]

    def stages(self, seed: int, name: str) -> tuple[str, ...]:
        """Addresses in the store of the stages that make a student, and its teachers."""
        return tuple(key for _, stages in self.made(seed, name).addresses() for _, key in stages)

    @property
    def read(self) -> dict[str, str]:
        """Fingerprints of the texts and models that are read, by what messages call them."""
        texts = {"text": self._text, "general": self._general}
        begun = {self.experiment.teacher, *(each.start for each in self.experiment.systems.values() if each.start)}
        return {
            **{key: address(text.fingerprint) for key, text in texts.items() if text},
            **{f"model {name}": pretrained.fingerprint(name) for name in sorted(begun)},
        }

    def from_fine_tuned(self, seed: int, name: str, listen: Listener) -> FromFineTuned:
        """How a student is made of a teacher that has learned a task."""

        def make(folder: Path) -> Path:
            outcome = self._checked(seed, name, str(folder), of_model(str(folder))).outcome(name, listen)
            assert outcome.folder is not None
            return outcome.folder

        return FromFineTuned(self.stages(seed, name)[-1], make)

    def _checked(self, seed: int, name: str, model: str, teacher: Teacher) -> CheckedStrategy:
        with located(f"systems.{name}.strategy"):
            found = checked(
                self.experiment.systems[name].strategy,
                store=self.store,
                model=model,
                teacher=teacher,
                text=self._text,
                general=self._general,
                stages=self.experiment.stages,
                seed=seed,
            )
            list(found.addresses())
            return found

    @cached_property
    def _teacher(self) -> Teacher:
        return of_model(self.experiment.teacher)

    @cached_property
    def _text(self) -> RawText | None:
        return drawn("text", self.experiment.text, self.store)

    @cached_property
    def _general(self) -> RawText | None:
        return drawn("general", self.experiment.general, self.store)


def _try_alone(
    experiment: EncoderExperiment, out: Path, chosen: Sequence[str], system: _System, listen: Listener
) -> None:
    """Make and try a system in a process of its own."""
    _try(Students(experiment, Store(store_beside(out))), out, chosen, system, listen)


def _try(students: Students, out: Path, chosen: Sequence[str], system: _System, listen: Listener) -> None:
    """Make the model of a system, and try it on some suites."""
    experiment, (seed, name) = students.experiment, system
    is_teacher = name == experiment.teacher_name
    model = experiment.teacher if is_teacher else str(model_path(out, name, seed))
    if not is_teacher and chosen:
        students.made(seed, name).run(Path(model), listen)
    for suite in chosen:
        suites.get(suite)(_request(students, out, suite, system, model, listen))


def _request(students: Students, out: Path, suite: str, system: _System, model: str, listen: Listener) -> Request:
    """Return the request for a system, whose model is given, to be tried on a suite."""
    experiment, (seed, name) = students.experiment, system
    is_teacher = name == experiment.teacher_name
    from_fine_tuned = not is_teacher and suite in TEXT_SUITES and experiment.systems[name].from_fine_tuned
    return Request(
        model=model,
        system=name,
        role="teacher" if is_teacher else "student",
        out=out,
        seeds=(seed,),
        tasks=experiment.suites[suite].tasks,
        settings=experiment.settings_of(suite, name),
        stages=() if is_teacher else students.stages(seed, name),
        teacher=experiment.teacher_of(suite, name),
        teacher_settings=experiment.settings_of(suite, experiment.teacher_name),
        from_fine_tuned=students.from_fine_tuned(seed, name, listen) if from_fine_tuned else None,
        listen=listen,
    )
