"""Test whether a study loses trials when its processes are killed: eight workers, 200 trials, 20 kills.

    python benchmarks/tuning.py
    python benchmarks/tuning.py --database postgresql
    python benchmarks/tuning.py --trials 16 --workers 2 --kills 3

Workers of ``finkd tune`` carry out a cheap objective: a sum of squares that reports a few values and takes a second and
a half, most of it asleep. All the while a process drawn at random is killed (SIGKILL), mostly a worker, now and then
the one that looks after them, which is then started again. Counted at the end: the trials by state. PostgreSQL is
Debian's (``apt-get install postgresql``); a server of its own is started in a temporary folder and stopped at the end.
Prints one JSON line; exits 1 unless exactly as many trials are done as were asked for, none is left running, and all
kills were made.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.shared import options
from finkd.experiments.running.events import Listener
from finkd.experiments.tuning import storage
from finkd.experiments.tuning.addresses import is_local
from finkd.experiments.tuning.worker_pool import WorkerPool

NAME = "cheap"


@dataclass(frozen=True)
class Cheap:
    """A trial that takes a second and a half."""

    url: str

    def study(self, number: int) -> optuna.Study:
        """Return the study, with a sampler for one process."""
        sampler = optuna.samplers.TPESampler(seed=number, constant_liar=True)
        return optuna.load_study(study_name=NAME, storage=storage.connect(self.url), sampler=sampler)

    def __call__(self, trial: optuna.Trial, listen: Listener) -> Sequence[float]:
        """Return the sum of two squares."""
        x, y = trial.suggest_float("x", -1, 1), trial.suggest_float("y", -1, 1)
        for step in range(5):
            time.sleep(0.3)
            trial.report(x * x + y * y, step)
        return (x * x + y * y,)


def main() -> int:
    """Run the trials, kill what runs them, and count."""
    given = options(
        __doc__,
        database={"choices": ("sqlite", "postgresql"), "default": "sqlite"},
        workers=8,
        trials=200,
        kills=20,
        seed=(1, "of what is killed and when"),
        hidden={"url": str},
    )
    if given.url:
        _command(given)
        return 0
    with tempfile.TemporaryDirectory() as folder, _database(given.database, Path(folder)) as url:
        optuna.create_study(storage=storage.connect(url, create=True), study_name=NAME, direction="minimize")
        began = time.perf_counter()
        killed = _run(given, url)
        seconds = time.perf_counter() - began
        study = optuna.load_study(study_name=NAME, storage=storage.connect(url))
        states = Counter(trial.state.name for trial in study.get_trials(deepcopy=False))
    asked = {name: getattr(given, name) for name in ("database", "workers", "trials")}
    found = {"states": dict(states), "kills": dict(killed), "seconds": round(seconds, 1)}
    print(json.dumps({"benchmark": "tuning", **asked, **found, "optuna": optuna.__version__}))
    is_whole = states["COMPLETE"] == given.trials and not states["RUNNING"]
    return 0 if is_whole and killed.total() >= given.kills else 1


def _command(given: Any) -> None:
    """Do what ``finkd tune`` does with a study that has begun."""
    storage.quiet()
    study = optuna.load_study(study_name=NAME, storage=storage.connect(given.url))
    is_alone = is_local(given.url)
    WorkerPool(Cheap(given.url), study, given.workers, is_alone, lambda outcome: None).run(given.trials)


def _run(given: Any, url: str) -> Counter[str]:
    """Start the command until it ends well, and kill processes of it meanwhile; returns what was killed."""
    draw = random.Random(given.seed)
    counts = ("--workers", str(given.workers), "--trials", str(given.trials))
    command = [sys.executable, __file__, "--url", url, *counts]
    killed: Counter[str] = Counter()
    while True:
        running = subprocess.Popen(command)
        while running.poll() is None:
            time.sleep(draw.uniform(0.5, 2.0))
            if killed.total() < given.kills and (victim := _victim(running.pid, draw)) is not None:
                killed["command" if victim.pid == running.pid else "worker"] += 1
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.kill()
        if running.returncode == 0:
            return killed
        if running.returncode > 0:
            raise SystemExit(f"the command ended with {running.returncode}")


def _victim(parent: int, draw: random.Random) -> psutil.Process | None:
    """Return a worker, or with a chance of one in ten the command itself; ``None`` while none works yet."""
    with contextlib.suppress(psutil.NoSuchProcess):
        command = psutil.Process(parent)
        workers = [child for child in command.children() if "spawn_main" in " ".join(child.cmdline())]
        if workers:
            return command if draw.random() < 0.1 else draw.choice(workers)
    return None


@contextlib.contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'studies.db'}"
        return
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        raise SystemExit("PostgreSQL is not installed; apt-get install postgresql")
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []  # it refuses to run as root
    folder.chmod(0o755)
    home = folder / "server"
    home.mkdir()
    if as_user:
        shutil.chown(home, "postgres")
    data = home / "data"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = f"-p {port} -k {home} -c listen_addresses=127.0.0.1"
    _quietly([*as_user, str(found[-1] / "initdb"), "-D", str(data), "-U", "finkd", "--auth=trust"])
    control = [*as_user, str(found[-1] / "pg_ctl"), "-D", str(data), "-w", "-l", str(home / "log")]
    _quietly([*control, "-o", settings, "start"])
    try:
        yield f"postgresql+psycopg://finkd@127.0.0.1:{port}/postgres"
    finally:
        _quietly([*control, "-m", "immediate", "stop"])


def _quietly(command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
