"""``finkd doctor``: whether this machine has what finkd needs, and what it can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from finkd.experiments.console.options import Json
from finkd.experiments.console.terminal import show_json
from finkd.experiments.extras import EXTRAS

_LITTLE_MEMORY, _LITTLE_ROOM = 4 << 30, 5 << 30


@dataclass(frozen=True)
class Finding:
    """One line of the answer.

    Attributes:
        about: what was looked at.
        found: what there is.
        advice: what to do about it; empty if all is well.
        is_needed: whether finkd cannot work without.
    """

    about: str
    found: str
    advice: str = ""
    is_needed: bool = False


def doctor(json: Json = False) -> None:
    """Look at packages, processor, memory, models and corpora, and say what to do about what is missing.

    Nothing is downloaded or changed. Exits with 1 if finkd cannot work.

    Example: finkd doctor
    """
    findings = [*_packages()]
    if not any(each.is_needed and each.advice for each in findings):  # the others import those packages
        findings += [*_machine(), *_models(), *_corpora()]
    if json:
        show_json([asdict(each) for each in findings])
    else:
        for each in findings:
            mark = "ok" if not each.advice else "NO" if each.is_needed else "--"
            typer.echo(f"{mark}  {each.about}: {each.found}{f'; {each.advice}' if each.advice else ''}")
    if any(each.is_needed and each.advice for each in findings):
        raise typer.Exit(1)


def _packages() -> Iterator[Finding]:
    import platform
    from importlib.metadata import PackageNotFoundError, version
    from importlib.util import find_spec

    import finkd

    yield Finding("finkd", f"{finkd.__version__}, Python {platform.python_version()}")
    for package in ("torch", "transformers", "tokenizers", "spacy"):
        try:
            yield Finding(package, version(package))
        except PackageNotFoundError:
            yield Finding(package, "missing", "pip install finkd again", is_needed=True)
    for extra in dict.fromkeys(EXTRAS.values()):
        missing = [package for package, of in EXTRAS.items() if of == extra and find_spec(package) is None]
        advice = f"pip install 'finkd[{extra}]' if you want it" if missing else ""
        yield Finding(f"extra {extra}", f"without {', '.join(missing)}" if missing else "installed", advice)


def _machine() -> Iterator[Finding]:
    import shutil

    import psutil

    from finkd.machine.device import gpu_name
    from finkd.machine.environment import environment
    from finkd.machine.precision import native_bf16
    from finkd.machine.speed import matmul_speed
    from finkd.machine.threads import available_threads, busy_warning

    about = environment("auto")
    yield Finding("processor", f"{about['processor']}, {available_threads()} threads for finkd")
    speeds = {name: matmul_speed(name) / 1e9 for name in ("fp32", "bf16")}
    said = ", ".join(f"{speed:,.0f} GFLOP/s in {name}" for name, speed in speeds.items())
    yield Finding("matrix products", f"{said}; trainings take {'bf16' if native_bf16() else 'fp32'}")
    yield Finding("GPU", gpu_name() or "none; none is needed")
    memory, room = psutil.virtual_memory().available, shutil.disk_usage(Path.cwd()).free
    yield Finding("free memory", f"{memory / 2**30:.1f} GiB", "close other programs" if memory < _LITTLE_MEMORY else "")
    yield Finding(
        "free on disk", f"{room / 2**30:.0f} GiB", "'finkd store gc' frees some" if room < _LITTLE_ROOM else ""
    )
    if warning := busy_warning():
        yield Finding("other work", warning, "do not measure speed now")


def _models() -> Iterator[Finding]:
    from finkd.models import pretrained

    folder = pretrained.where(pretrained.DEFAULT)
    advice = "" if folder else "pip install 'finkd[offline]'"
    yield Finding(f"teacher {pretrained.DEFAULT}", str(folder or "not here"), advice, is_needed=True)
    others = [name for name in pretrained.KNOWN if name != pretrained.DEFAULT and pretrained.where(name)]
    yield Finding("other known models here", ", ".join(others) or "none")


def _corpora() -> Iterator[Finding]:
    import os

    from finkd.corpora import corpora
    from finkd.corpora.locate import availability

    found = {name: availability(corpora.get(name)) for name in corpora}
    here = [name for name, said in found.items() if said in ("here", "ships with finkd")]
    missing = [name for name, said in found.items() if said.startswith("not here")]
    yield Finding("corpora here", ", ".join(here))
    if missing:
        where = os.environ.get("FINKD_DATA")
        advice = f"FINKD_DATA is {where}" if where else "set FINKD_DATA to the folder that holds them"
        yield Finding("corpora not here", ", ".join(missing), advice)
