"""Run an experiment on encoders: a teacher and its students, all fine-tuned alike on general tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

from finkd.corpora.errors import located
from finkd.corpora.files import folder_lock
from finkd.experiments.configuration.names import slug
from finkd.experiments.running.claim import claim, joined_settings
from finkd.experiments.running.events import Listener, ignored
from finkd.experiments.running.strategy import CheckedStrategy, checked, drawn, of_model
from finkd.experiments.suites import suites
from finkd.experiments.suites.encoder_experiment import EncoderExperiment
from finkd.experiments.suites.request import Request, plain
from finkd.reports.build import build as write_report
from finkd.store import Store
from finkd.suites.record import SUFFIX, TaskRecord, load_task_records


def run_encoders(
    experiment: EncoderExperiment, out: Path | None = None, listen: Listener = ignored
) -> list[TaskRecord]:
    """Make the students and try them and their teacher on the suites; what was computed before is not computed again.

    Args:
        experiment: what to compare.
        out: folder of the reports, ``records`` and ``models``; default ``runs/<name>``.
        listen: called as the work goes on.

    Returns:
        one record per system, task, split and seed, as also written to ``out/records``.

    Raises:
        FinkdError: if something named does not exist, or the folder is in use.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> records = finkd.run_encoders(finkd.load_encoder_experiment("encoders.yaml"), Path("encoders"))
        >>> [(record.system, record.task) for record in records]
        [('encoder', 'wnli'), ('first layer', 'wnli')]
    """
    out = out or experiment.folder
    store = Store(out.parent / "store")
    made = students(experiment, store)
    settings = joined_settings(out, plain(experiment), f"*{SUFFIX}")
    with folder_lock(out), store.in_use():
        claim(out, settings)
        for seed, of_seed in made.items():
            for request, suite in _requests(experiment, out, seed, of_seed, listen):
                suites.get(suite)(request)
        systems = {experiment.teacher_name, *settings["systems"]}
        records = [record for record in load_task_records([out]) if record.system in systems]
        write_report([], out, task_records=records)
        return records


def _requests(
    experiment: EncoderExperiment,
    out: Path,
    seed: int,
    of_seed: Mapping[str, CheckedStrategy],
    listen: Listener,
) -> Iterator[tuple[Request, str]]:
    """Make the students of a seed; yield each suite for the teacher and for every student."""
    models = {experiment.teacher_name: experiment.teacher}
    for name, student in of_seed.items():
        folder = out / "models" / f"{slug(name)}-seed-{seed}"
        student.run(folder, listen)
        models[name] = str(folder)
    for suite, (name, model) in product(experiment.suites, models.items()):
        yield (
            Request(
                model=model,
                system=name,
                role="teacher" if name == experiment.teacher_name else "student",
                out=out,
                seeds=(seed,),
                tasks=experiment.suites[suite].tasks,
                settings=experiment.settings_of(suite, name),
                teacher=experiment.teacher_of(name),
                listen=listen,
            ),
            suite,
        )


def students(experiment: EncoderExperiment, store: Store) -> dict[int, dict[str, CheckedStrategy]]:
    """Every student's strategy by its seed and name, checked.

    Raises:
        ConfigError: if a stage lacks something that it needs.
    """
    teacher = of_model(experiment.teacher)
    text, general = drawn("text", experiment.text, store), drawn("general", experiment.general, store)
    plans: dict[int, dict[str, CheckedStrategy]] = {seed: {} for seed in experiment.seeds}
    for seed, (name, system) in product(experiment.seeds, experiment.systems.items()):
        with located(f"systems.{name}.strategy"):
            student = plans[seed][name] = checked(
                system.strategy,
                store=store,
                model=system.start or experiment.teacher,
                teacher=teacher,
                text=text,
                general=general,
                stages=experiment.stages,
                seed=seed,
            )
            list(student.addresses())
    return plans
