"""Run one study, from the configuration to the best settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna

from finkd.corpora.errors import ConfigError
from finkd.corpora.files import folder_lock
from finkd.experiments.configuration.layout import default_folder
from finkd.experiments.running.prepared import Prepared
from finkd.experiments.tuning import storage
from finkd.experiments.tuning.addresses import default_url, is_local
from finkd.experiments.tuning.outcome import write_outcome
from finkd.experiments.tuning.search import Plan
from finkd.experiments.tuning.study import RETRIES, begin
from finkd.experiments.tuning.trials import Trials
from finkd.experiments.tuning.worker_pool import Update, WorkerPool


def tune(
    plan: Plan,
    trials: int,
    workers: int = 1,
    url: str | None = None,
    out: Path | None = None,
    tell: Callable[[Update], None] = lambda update: None,
    retries: int = RETRIES,
) -> list[Path]:
    """Search for better settings until a study has so many finished trials; those of earlier runs count.

    Args:
        plan: what is varied.
        trials: how many.
        workers: processes at once, each with its share of the cores.
        url: the storage; default ``studies.db`` beside the study's folder.
        out: the study's folder; default ``runs/<name>``. Each trial has a folder in it, and they share a store.
        tell: called when the trials begin, with where each one is, and with every one that has ended.
        retries: how often a trial is repeated whose process died or that could not be carried out.

    Returns:
        the files written: the best settings, and the tables of what was found.

    Raises:
        FinkdError: if a mistake is in the settings, the storage cannot be used, or trials fail one after the other.

    Example:
        >>> import finkd
        >>> from pathlib import Path
        >>> written = finkd.tune(finkd.load_plan("tune.yaml"), trials=1, out=Path("study"))
        >>> "best.yaml" in [path.name for path in written]
        True
    """
    out = out or default_folder(plan.name)
    url = url or default_url(out)
    storage.quiet()
    prepared = Prepared(plan.trial(plan.defaults()), out / "store")  # finds what would end every trial
    with folder_lock(out):
        alone = is_local(url)
        with storage.one_at_a_time(url):
            opened = storage.connect(url, create=True)
            if plan.name not in optuna.get_all_study_names(opened) and list(out.glob("trial-*")):
                raise ConfigError(f"{out}: holds trials of another study; choose another --out or remove the folder")
            study = begin(plan, opened, prepared.read, alone=alone, retries=retries)
        job = Trials(plan, out, storage.artifacts(out), url)
        WorkerPool(job, study, workers, alone, tell, retries).run(trials)
        return write_outcome(plan, study, out)
