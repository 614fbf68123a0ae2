"""One model on one suite: the call behind ``finkd evaluate --suite``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from finkd.corpora.errors import ConfigError
from finkd.experiments.running.events import Event
from finkd.experiments.suites import suites
from finkd.experiments.suites.request import Request
from finkd.models.config_file import read_config
from finkd.models.pretrained import resolve
from finkd.suites.record import TaskRecord

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
    listen: Callable[[Event], None] = lambda event: None,
) -> list[TaskRecord]:
    """Try a model on a suite of general tasks; what was computed before is not computed again.

    Args:
        model: its name or folder.
        suite: name of the suite, or ``"all"`` for every one that suits the model, each with its usual settings.
        out: folder of the records; default ``runs/<suite>``, of all suites ``runs/general``.
        seeds: one run of every task for each.
        tasks: which of the suite's; none stand for all.
        settings: those that replace the suite's own, such as ``{"schedule": {"epochs": 5}}``.
        teacher: name or folder of a model to learn from beside gold.
        name: what tables call the model; default the end of its name.
        role: what it is in tables; default a student if it is a folder, and a teacher if it is a name.
        listen: called as the work goes on.

    Returns:
        one record per task, split, seed and method, as also written to ``out/records``.

    Raises:
        FinkdError: if something named does not exist, the data break their format, or the folder is in use.

    Example:
        >>> import finkd
        >>> finkd.evaluate_suite("encoder", "glu")
        Traceback (most recent call last):
        finkd.corpora.errors.UnknownNameError: suites: there is no 'glu'; did you mean 'glue'? ...
    """
    if suite == ALL and (tasks or settings):
        raise ConfigError("--suite all: tasks and settings are those of one suite; name it")
    for each in (model, teacher or model):
        if Path(each).exists():  # a name may stand for a model that is made only now
            resolve(str(each))
    runs = [suites.get(name) for name in (_suiting(model) if suite == ALL else [suite])]
    request = Request(
        model=str(model),
        system=name or Path(model).name,
        role=role or ("student" if (Path(model) / "config.json").is_file() else "teacher"),
        out=out or default_folder(suite),
        seeds=tuple(seeds),
        tasks=tuple(tasks),
        settings=settings or {},
        teacher=teacher,
        listen=listen,
    )
    with request.held():
        return [record for run in runs for record in run(request)]


def default_folder(suite: str) -> Path:
    """Return where a suite's records go if nothing else is said."""
    return Path("runs") / ("general" if suite == ALL else suite)


def _suiting(model: str | Path) -> list[str]:
    """Return suites for a model that writes, or for an encoder."""
    config = read_config(resolve(str(model)))
    writes = any(str(name).endswith(_WRITES) for name in config.get("architectures") or ())
    return [name for name in suites if (name == "summarization") is writes]
