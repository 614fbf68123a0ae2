"""Whether a run that is killed ends as if it had not been.

    python benchmarks/kill.py
    python benchmarks/kill.py --trials 5

Starts ``finkd run`` on a toy experiment, kills it (SIGKILL) at a random moment, starts it again until it ends, and
compares weights and scores with those of a run that was left alone, bit by bit. Prints one JSON line; exits 1 if any
trial differs.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

EXPERIMENT = {
    "name": "killed",
    "corpus": "sample",
    "split": "test",
    "text": {"corpus": "sample-text", "sentences": 300},
    "precision": "fp32",
    "measure": 0,
    "stages": {
        "shrink": {"layers": [1]},
        "retokenize": {"size": 600},
        "finetune": {"schedule": {"epochs": 2, "batch_tokens": 512}},
        "task-distill:text": {
            "losses": {"word-kl": {}, "span-hidden": {}},
            "keep_states": True,
            "schedule": {"epochs": 3, "batch_tokens": 256},
        },
        "task-distill:gold": {"schedule": {"epochs": 2, "batch_tokens": 512}},
    },
    "systems": {
        "teacher": {"role": "teacher", "strategy": "finetune"},
        "student": {"strategy": "shrink > retokenize > task-distill:text > task-distill:gold"},
    },
}


def command(config: Path, out: Path) -> list[str]:
    """The real command, with a checkpoint after every other step or so."""
    program = "from experiments.cli import main; main()"
    options = ["--out", str(out / "run"), "--checkpoint-seconds", "0.05"]
    return [sys.executable, "-c", program, "run", str(config), *options]


def started(config: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command, on its way."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "log").open("ab") as log:
        return subprocess.Popen(command(config, out), cwd=ROOT, stdout=log, stderr=log)


def result(out: Path) -> dict[str, str]:
    """Hashes of all published weights, and the scores."""
    found = {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((out / "run" / "models").glob("*/model.safetensors"))
    }
    for path in sorted((out / "run" / "records").glob("*.record.json")):
        found[path.name] = json.dumps(json.loads(path.read_text())["scores"])
    return found


def killed(config: Path, out: Path, seconds: float, chance: random.Random) -> int:
    """Kill the command at random moments, at least once, until it gets through; returns how often that was."""
    kills = 0
    while True:
        process = started(config, out)
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Each later attempt is given more time, so that every trial ends.
            process.wait(timeout=chance.uniform(0, seconds) + kills * seconds / 4)
        if process.poll() == 0:
            if kills:
                return kills
            shutil.rmtree(out)  # it was faster than the kill: once more from the beginning
            continue
        if process.poll() is not None:
            sys.exit(f"benchmarks/kill.py: the run failed; see {out / 'log'}")
        process.kill()
        process.wait()
        kills += 1


def main() -> int:
    """Run all trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    from tests.finkd.toys import tiny_model

    folder = Path(tempfile.mkdtemp(prefix="finkd-kill-"))
    tiny_model(layers=3).save(_made(folder / "teacher"))
    config = folder / "killed.yaml"
    config.write_text(yaml.safe_dump({**EXPERIMENT, "teacher": str(folder / "teacher")}, sort_keys=False))
    began = time.perf_counter()
    if started(config, folder / "alone").wait() != 0:
        sys.exit(f"benchmarks/kill.py: the run failed; see {folder / 'alone' / 'log'}")
    seconds = time.perf_counter() - began
    expected, chance = result(folder / "alone"), random.Random(arguments.seed)
    kills = equal = 0
    for trial in range(arguments.trials):
        out = folder / f"trial-{trial}"
        kills += killed(config, out, seconds, chance)
        same = result(out) == expected
        equal += same
        sys.stderr.write(
            f"trial {trial + 1}/{arguments.trials}: {'equal' if same else 'DIFFERS'}, {kills} kills so far\n"
        )
        if same:
            shutil.rmtree(out)
    figures = {"benchmark": "kill", "trials": arguments.trials, "equal": equal, "kills": kills}
    print(json.dumps({**figures, "seconds_undisturbed": round(seconds, 1)}))
    if equal == arguments.trials:
        shutil.rmtree(folder)
        return 0
    sys.stderr.write(f"what differs is kept in {folder}\n")
    return 1


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
