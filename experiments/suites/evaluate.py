"""One model on one suite: the call behind ``finkd evaluate --suite``."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from finkd.corpora.errors import ConfigError
from finkd.experiments.configuration.checks import check_seeds
from finkd.experiments.configuration.layout import default_folder, slug
from finkd.experiments.running.events import Listener, ignored
from finkd.experiments.suites import suites
from finkd.experiments.suites.checks import check_suites
from finkd.experiments.suites.records import check_name
from finkd.experiments.suites.request import Request
from finkd.experiments.suites.squad import can_be_taught
from finkd.models.config_file import read_config
from finkd.models.lookup import model_name
from finkd.models.pretrained import resolve
from finkd.suites.record import TaskRecord

log = logging.getLogger(__name__)

ALL = "all"
_WRITES = ("ForCausalLM", "ForConditionalGeneration")


def evaluate_suite(
    model: str | Path,
    suite: str,
    out: Path | None = None,
    *,
    seeds: Sequence[int] = (1,),
    tasks: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    teacher: str | None = None,
    name: str | None = None,
    role: Literal["teacher", "student"] | None = None,
    listen: Listener = ignored,
) -> list[TaskRecord]:
    """Try a model on a suite of general tasks; what was computed before is not computed again.

    Args:
        model: its name or folder.
        suite: name of the suite, or ``"all"`` for every one that suits the model and its teacher, each with its usual
            settings.
        out: folder of the records; default ``runs/<suite>``, of all suites ``runs/general``.
        seeds: one run of every task for each.
        tasks: which of the suite's; none stand for all.
        settings: those that replace the suite's own, such as ``{"schedule": {"epochs": 5}}``.
        teacher: name or folder of a model to learn from beside gold.
        name: what tables call the model; default the end of its name. Records of another model are not replaced.
        role: what it is in tables; default a student if it is a folder, and a teacher if it is a name.
        listen: called as the work goes on.

    Returns:
        one record per task, split, seed and method, as also written to ``out/records``.

    Raises:
        FinkdError: before anything is trained, if something named does not exist, the data of a chosen task are nowhere
            or break their format, a teacher has another tokenizer where it matters, or the folder is in use or holds
            records of another model of this name.

    Example:
        >>> import finkd
        >>> finkd.evaluate_suite("encoder", "glu")
        Traceback (most recent call last):
        finkd.corpora.errors.UnknownNameError: suites: there is no 'glu'; did you mean 'glue'? ...
    """
    if suite == ALL and (tasks or settings):
        raise ConfigError("--suite all: tasks and settings are those of one suite; name it")
    check_seeds(seeds)
    for each in (model, teacher or model):
        if Path(each).exists():  # a name may stand for a model that is made only now
            resolve(str(each))
    if name is not None and not slug(name):
        raise ConfigError(f"--as: expected a letter or digit in the name (got {name!r})")
    request = Request(
        model=str(model),
        system=name or model_name(model),
        role=role or ("student" if (Path(model) / "config.json").is_file() else "teacher"),
        out=out or suite_folder(suite),
        seeds=tuple(seeds),
        tasks=tuple(tasks),
        settings=settings or {},
        teacher=teacher,
        listen=listen,
    )
    names = _suiting(request) if suite == ALL else [suite]
    runs = [suites.get(name) for name in names]
    check_suites(request, names)
    with request.held():
        if "summarization" not in names:  # whose model may be made of random weights
            check_name(request, request.origin)
        return [record for run in runs for record in run(request)]


def suite_folder(suite: str) -> Path:
    """Return where a suite's records go if nothing else is said."""
    return default_folder("general" if suite == ALL else suite)


def _suiting(request: Request) -> list[str]:
    """Return suites for a model that writes, or for an encoder; without questions if its teacher cannot teach them."""
    config = read_config(resolve(request.model))
    if any(str(name).endswith(_WRITES) for name in config.get("architectures") or ()):
        return ["summarization"]
    names = [name for name in suites if name != "summarization"]
    if not can_be_taught(request):
        log.warning("squad is left out: %s has another tokenizer than %s", request.teacher, request.model)
        names.remove("squad")
    return names
