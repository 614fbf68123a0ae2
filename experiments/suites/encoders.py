"""Run an experiment on encoders: a teacher and its students, all fine-tuned alike on general tasks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path

from finkd.corpora.errors import located
from finkd.corpora.files import folder_lock
from finkd.experiments.configuration.names import slug
from finkd.experiments.running.claim import claim, joined_settings
from finkd.experiments.running.events import Listener, ignored
from finkd.experiments.running.jobs import side_by_side
from finkd.experiments.running.strategy import CheckedStrategy, checked, drawn, of_model
from finkd.experiments.suites import suites
from finkd.experiments.suites.encoder_experiment import TIMED, EncoderExperiment
from finkd.experiments.suites.request import Request, plain
from finkd.reports.build import build as write_report
from finkd.store import Store
from finkd.suites.record import SUFFIX, TaskRecord, load_task_records

_System = tuple[int, str]


def run_encoders(
    experiment: EncoderExperiment, out: Path | None = None, listen: Listener = ignored, jobs: int = 1
) -> list[TaskRecord]:
    """Make the students and try them and their teacher on the suites; what was computed before is not computed again.

    Args:
        experiment: what to compare.
        out: folder of the reports, ``records`` and ``models``; default ``runs/<name>``.
        listen: called as the work goes on.
        jobs: how many systems to train at once, each in a process of its own; their time is measured afterwards.

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
    systems = list(product(experiment.seeds, (experiment.teacher_name, *experiment.systems)))
    for seed, name in systems:
        student(experiment, store, seed, name)
    settings = joined_settings(out, plain(experiment), f"*{SUFFIX}")
    timed = [suite for suite in experiment.suites if suite in TIMED]
    with folder_lock(out), store.in_use():
        claim(out, settings)
        work = partial(_try, experiment, out, [suite for suite in experiment.suites if suite not in TIMED])
        if jobs > 1:
            side_by_side(work, systems, jobs, listen)
        else:
            for system in systems:
                work(system, listen)
        for system in systems:
            _try(experiment, out, timed, system, listen)
        names = {experiment.teacher_name, *settings["systems"]}
        records = [record for record in load_task_records([out]) if record.system in names]
        write_report([], out, task_records=records)
        return records


def _try(experiment: EncoderExperiment, out: Path, chosen: Sequence[str], system: _System, listen: Listener) -> None:
    """Make the model of a system, and try it on some suites."""
    seed, name = system
    made = student(experiment, Store(out.parent / "store"), seed, name)
    model = experiment.teacher if made is None else str(out / "models" / f"{slug(name)}-seed-{seed}")
    if made is not None:
        made.run(Path(model), listen)
    for suite in chosen:
        suites.get(suite)(
            Request(
                model=model,
                system=name,
                role="teacher" if made is None else "student",
                out=out,
                seeds=(seed,),
                tasks=experiment.suites[suite].tasks,
                settings=experiment.settings_of(suite, name),
                teacher=experiment.teacher_of(name),
                listen=listen,
            )
        )


def student(experiment: EncoderExperiment, store: Store, seed: int, name: str) -> CheckedStrategy | None:
    """A student's strategy, checked; ``None`` for the teacher, which nothing is made of.

    Raises:
        ConfigError: if a stage lacks something that it needs.
    """
    if name == experiment.teacher_name:
        return None
    system = experiment.systems[name]
    with located(f"systems.{name}.strategy"):
        found = checked(
            system.strategy,
            store=store,
            model=system.start or experiment.teacher,
            teacher=of_model(experiment.teacher),
            text=drawn("text", experiment.text, store),
            general=drawn("general", experiment.general, store),
            stages=experiment.stages,
            seed=seed,
        )
        list(found.addresses())
    return found
