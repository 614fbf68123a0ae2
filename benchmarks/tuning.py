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

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

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
    options = _options()
    if options.url:
        _command(options)
        return 0
    with tempfile.TemporaryDirectory() as folder, _database(options.database, Path(folder)) as url:
        optuna.create_study(storage=storage.connect(url, create=True), study_name=NAME, direction="minimize")
        began = time.perf_counter()
        killed = _run(options, url)
        seconds = time.perf_counter() - began
        study = optuna.load_study(study_name=NAME, storage=storage.connect(url))
        states = Counter(trial.state.name for trial in study.get_trials(deepcopy=False))
    asked = {name: getattr(options, name) for name in ("database", "workers", "trials")}
    found = {"states": dict(states), "kills": dict(killed), "seconds": round(seconds, 1)}
    print(json.dumps({"benchmark": "tuning", **asked, **found, "optuna": optuna.__version__}))
    is_whole = states["COMPLETE"] == options.trials and not states["RUNNING"]
    return 0 if is_whole and killed.total() >= options.kills else 1


def _options() -> argparse.Namespace:
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    found.add_argument("--workers", type=int, default=8)
    found.add_argument("--trials", type=int, default=200)
    found.add_argument("--kills", type=int, default=20)
    found.add_argument("--seed", type=int, default=1, help="of what is killed and when")
    found.add_argument("--url", help=argparse.SUPPRESS)
    return found.parse_args()


def _command(options: argparse.Namespace) -> None:
    """Do what ``finkd tune`` does with a study that has begun."""
    storage.quiet()
    study = optuna.load_study(study_name=NAME, storage=storage.connect(options.url))
    is_alone = is_local(options.url)
    WorkerPool(Cheap(options.url), study, options.workers, is_alone, lambda outcome: None).run(options.trials)


def _run(options: argparse.Namespace, url: str) -> Counter[str]:
    """Start the command until it ends well, and kill processes of it meanwhile; returns what was killed."""
    draw = random.Random(options.seed)
    counts = ("--workers", str(options.workers), "--trials", str(options.trials))
    command = [sys.executable, __file__, "--url", url, *counts]
    killed: Counter[str] = Counter()
    while True:
        running = subprocess.Popen(command)
        while running.poll() is None:
            time.sleep(draw.uniform(0.5, 2.0))
            if killed.total() < options.kills and (victim := _victim(running.pid, draw)) is not None:
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
    data, port = home / "data", _free_port()
    settings = f"-p {port} -k {home} -c listen_addresses=127.0.0.1"
    _quietly([*as_user, str(found[-1] / "initdb"), "-D", str(data), "-U", "finkd", "--auth=trust"])
    control = [*as_user, str(found[-1] / "pg_ctl"), "-D", str(data), "-w", "-l", str(home / "log")]
    _quietly([*control, "-o", settings, "start"])
    try:
        yield f"postgresql+psycopg://finkd@127.0.0.1:{port}/postgres"
    finally:
        _quietly([*control, "-m", "immediate", "stop"])


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _quietly(command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
