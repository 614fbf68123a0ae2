"""Whether a run that is killed, or finds its files damaged, ends as if nothing had been.

    python benchmarks/kill.py
    python benchmarks/kill.py --trials 5 --damaged 3

Starts ``finkd run`` on a toy experiment, kills it (SIGKILL) at a random moment, starts it again until it ends, and
compares weights and scores with those of a run that was left alone, bit by bit. In the trials of the second kind one
file of what the killed run has stored, checkpoints included, is deleted, cut in half or has one bit flipped before
the run is started again; counted is also how often the run named the damage. Prints one JSON line; exits 1 if any trial
differs.
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
from collections.abc import Callable
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

EXPERIMENT = {
    "name": "killed",
    "corpus": "sample",
    "split": "test",
    "text": {"corpus": "sample-text", "sentences": 300},
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


def damaged(config: Path, out: Path, seconds: float, chance: random.Random) -> str:
    """Kill the command, damage a file that it has stored, and let it end; returns what was done to which file."""
    while True:
        process = started(config, out)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.3, 1) * seconds)
        process.kill()
        process.wait()
        files = [path for path in sorted((out / "store").glob("[0-9a-f]*/**/*")) if path.is_file()]
        if files and not list((out / "run" / "records").glob("*.record.json")):
            break
        shutil.rmtree(out)  # killed before it had stored anything, or after it had ended
    path, how = chance.choice(files), chance.choice(sorted(_DAMAGES))
    _DAMAGES[how](path, chance)
    if started(config, out).wait() != 0:
        sys.exit(f"benchmarks/kill.py: the run failed; see {out / 'log'}")
    return f"{path.relative_to(out / 'store')} {how}"


def _cut(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


_DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "deleted": lambda path, chance: path.unlink(),
    "cut": _cut,
    "with a bit flipped": _flip,
}


def main() -> int:
    """Run all trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50, help="runs that are killed")
    parser.add_argument("--damaged", type=int, default=30, help="runs that are killed and find a file damaged")
    parser.add_argument("--seed", type=int, default=0, help="of the moments, the files and the damages")
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
    figures = {"trials": 0, "equal": 0, "kills": 0, "damaged": 0, "damaged_equal": 0, "damaged_named": 0}
    for trial in range(arguments.trials + arguments.damaged):
        out = folder / f"trial-{trial}"
        if trial < arguments.trials:
            kills = killed(config, out, seconds, chance)
            about, found = f"killed {kills} times", {"trials": 1, "kills": kills}
        else:
            about = damaged(config, out, seconds, chance)
            named = about.split("/")[0] in (out / "log").read_text(encoding="utf-8")
            found = {"damaged": 1, "damaged_named": int(named)}
        same = result(out) == expected
        found["equal" if trial < arguments.trials else "damaged_equal"] = int(same)
        figures = {name: count + found.get(name, 0) for name, count in figures.items()}
        sys.stderr.write(f"trial {trial + 1}: {'equal' if same else 'DIFFERS'}, {about}\n")
        if same:
            shutil.rmtree(out)
    print(json.dumps({"benchmark": "kill", **figures, "seconds_undisturbed": round(seconds, 1)}))
    if figures["equal"] + figures["damaged_equal"] == arguments.trials + arguments.damaged:
        shutil.rmtree(folder)
        return 0
    sys.stderr.write(f"what differs is kept in {folder}\n")
    return 1


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
