"""One experiment end to end: every system for every seed, scored, measured and reported."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError
from finkd.corpora.files import folder_lock
from finkd.experiments.configuration.experiment import Experiment, resolved
from finkd.experiments.configuration.layout import RECORDS, default_folder, store_beside
from finkd.experiments.running.claim import claim, joined_settings
from finkd.experiments.running.error_pages import error_pages, write_error_pages
from finkd.experiments.running.events import Listener, ignored
from finkd.experiments.running.jobs import side_by_side
from finkd.experiments.running.plan import check_room
from finkd.experiments.running.prepared import Outcomes, Prepared
from finkd.experiments.running.recorder import Recorder
from finkd.machine import processes
from finkd.records import SUFFIX, RunRecord, load_records
from finkd.reports.build import build
from finkd.stages.stage import CHECKPOINT_SECONDS
from finkd.training.callbacks import Look

log = logging.getLogger(__name__)


def run(
    experiment: Experiment,
    out: Path | None = None,
    listen: Listener = ignored,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    jobs: int = 1,
    look: Look | None = None,
) -> list[RunRecord]:
    """Run an experiment; what an earlier run computed is taken from the store beside the output folder.

    A run that was killed at any moment goes on from its last checkpoint when it is started again.

    Args:
        experiment: what to compare.
        out: folder for the reports, ``records`` and ``models``; default ``runs/<name>``.
        listen: called as the run goes on.
        checkpoint_seconds: time between two checkpoints of a training.
        jobs: how many seeds to train at once; models are measured after all are trained. Sums are rounded differently
            with other numbers of threads, so equal bits need equal jobs and equal threads (``finkd.machine.threads``).
        look: called with the model after every training step, if seeds are not trained in processes of their own.

    Returns:
        one record per system and seed, as also written to ``out/records``; nothing in the processes beside the first
        one that ``accelerate launch`` starts.

    Raises:
        FinkdError: if something named does not exist, or the folder is in use or holds another experiment.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> (record,) = finkd.run(finkd.load_experiment("small.yaml", ["baselines=[]"]), Path("run"))
        >>> record.id
        'small/sample/teacher/seed-1'
    """
    out = out or default_folder(experiment.name)
    store = store_beside(out)
    prepared = Prepared(experiment, store, checkpoint_seconds)
    jobs = min(jobs, len(experiment.seeds))
    if processes.count() > 1 and jobs > 1:
        raise ConfigError("--jobs: cannot be used with accelerate launch, whose processes train one seed together")
    if not processes.is_first():
        prepared.draw_texts()
        for seed in experiment.seeds:
            prepared.outcomes(seed, ignored)
        return []
    for note in prepared.notes():
        log.warning("%s", note)
    with folder_lock(out), prepared.store.in_use():
        settings = folder_settings(out, prepared)
        prepared.draw_texts()
        check_room(prepared, out)
        claim(out, settings)
        recorder = Recorder(prepared, out, listen)
        outcomes: Callable[[int], Outcomes] = partial(prepared.outcomes, listen=listen, look=look)
        if jobs > 1:
            work = partial(_seed_alone, experiment, store, checkpoint_seconds)
            outcomes = side_by_side(work, experiment.seeds, jobs, listen).__getitem__
        records = [record for seed in experiment.seeds for record in recorder.records(seed, outcomes(seed))]
        every = load_records([out / RECORDS])  # the seeds of earlier runs too
        write_error_pages(prepared, every, out)
        build(every, out, error_pages=error_pages(every, out))
        return records


def _seed_alone(
    experiment: Experiment, store: Path, checkpoint_seconds: float, seed: int, listen: Listener
) -> Outcomes:
    """Train one seed in a process of its own."""
    return Prepared(experiment, store, checkpoint_seconds).outcomes(seed, listen)


def folder_settings(out: Path, prepared: Prepared) -> dict[str, Any]:
    """The settings of an experiment, joined with those whose results its folder holds; see ``running.claim``."""
    return joined_settings(out, resolved(prepared.experiment), prepared.read, f"*{SUFFIX}")
