"""Test whether a run that is killed, or finds its files damaged, ends as if undisturbed.

    python benchmarks/kill.py
    python benchmarks/kill.py --trials 5 --damaged 3 --jobs 2

Starts ``finkd run`` on a toy experiment, kills it (SIGKILL) at a random moment, starts it again until it ends, and
compares published models and whole records, but for ``NOT_COMPARED``, with those of a run that was left alone, bit by
bit. In the trials of the second kind one file of what the killed run has stored, checkpoints included, is deleted, cut
in half or has one bit flipped before the run is started again; counted is also how often the run named the damage.
Counted too is whether anything unfinished lies about at the end. Prints one JSON line; exits 1 if any trial differs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.shared import FINKD, ROOT, options

EXPERIMENT = {
    "name": "killed",
    "corpus": "sample",
    "split": "test",
    "text": {"corpus": "sample-text", "sentences": 300},
    "measure": 0,
    "stages": {
        "truncate-layers": {"layers": [1]},
        "replace-vocabulary": {"size": 600},
        "finetune": {"schedule": {"epochs": 1, "batch_tokens": 512}},
        "task-distill:text": {
            "losses": {"word-logits-kl": {}, "aligned-hidden-states": {}},
            "cache_teacher_outputs": True,
            "schedule": {"epochs": 2, "batch_tokens": 512},
        },
        "task-distill:gold": {"schedule": {"epochs": 1, "batch_tokens": 512}},
    },
    "systems": {
        "teacher": {"role": "teacher", "strategy": "finetune"},
        "student": {"strategy": "truncate-layers > replace-vocabulary > task-distill:text > task-distill:gold"},
    },
}


NOT_COMPARED = (
    "lineage.*.seconds",
    "teachers.*.seconds",
    "lineage.*.cached",  # which process computed a stage, not what came of it
    "teachers.*.cached",
    "digest",  # of the record, these keys included
)
"""What a kill changes in a record, and nothing else: clock times, and what follows from them."""


def started(config: Path, out: Path) -> subprocess.Popen[bytes]:
    """Start the real command, with a checkpoint after every other step or so."""
    out.mkdir(parents=True, exist_ok=True)
    command = [*FINKD, "run", str(config), "--out", str(out / "run"), "--checkpoint-seconds", "0.05"]
    with (out / "log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)


def finished(process: subprocess.Popen[bytes], out: Path) -> None:
    """Wait for the end of a run, which must be a good one."""
    if process.wait() != 0:
        sys.exit(f"benchmarks/kill.py: the run failed; see {out / 'log'}")


def interrupted(config: Path, out: Path, seconds: float) -> bool:
    """Start the command, and kill it after some seconds; return whether it had ended well before."""
    process = started(config, out)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)
        finished(process, out)
        return True
    process.kill()
    process.wait()
    return False


def result(run: Path) -> dict[str, str]:
    """Return hashes of all published models, what is compared of the records, and what was left unfinished."""
    found = {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((run / "models").rglob("*"))
        if path.is_file() and path.name != "README.md"  # the card shows times
    }
    for path in sorted((run / "records").glob("*.record.json")):
        found[path.name] = json.dumps(compared(json.loads(path.read_text(encoding="utf-8"))))
    left = [path for pattern in ("**/.*.finkd-*", "**/.*.turn", "store/*.part-*") for path in run.parent.glob(pattern)]
    return found | {str(path.relative_to(run.parent)): "left behind" for path in left}


def compared(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without ``NOT_COMPARED``."""

    def without(value: Any, at: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {
                key: without(each, (*at, key))
                for key, each in value.items()
                if ".".join((*at, key)) not in NOT_COMPARED
            }
        return [without(each, (*at, "*")) for each in value] if isinstance(value, list) else value

    found: dict[str, Any] = without(record, ())
    return found


def killed(config: Path, out: Path, seconds: float, chance: random.Random) -> int:
    """Kill the command at random moments, at least once, until it gets through; returns how often that was."""
    kills = 0
    # Each later attempt is given more time, so that every trial ends.
    while not interrupted(config, out, chance.uniform(0, seconds) + kills * seconds / 4):
        kills += 1
    if kills:
        return kills
    shutil.rmtree(out)  # it was faster than the kill: once more from the beginning
    return killed(config, out, seconds, chance)


def damaged(config: Path, out: Path, seconds: float, chance: random.Random) -> str:
    """Kill the command, damage a file that it has stored, and let it end; returns what was done to which file."""
    while True:
        interrupted(config, out, chance.uniform(0.3, 1) * seconds)
        files = [path for path in sorted((out / "store").glob("[0-9a-f]*/**/*")) if path.is_file()]
        if files and not list((out / "run" / "records").glob("*.record.json")):
            break
        shutil.rmtree(out)  # killed before it had stored anything, or after it had ended
    path, how = chance.choice(files), chance.choice(sorted(_DAMAGES))
    _DAMAGES[how](path, chance)
    finished(started(config, out), out)
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


@dataclass(frozen=True)
class Trials:
    """Everything that a trial needs.

    Attributes:
        folder: where trials have their own folders.
        config: the experiment.
        expected: what it ends with when it is left alone.
        seconds: how long that took.
        seed: of the moments, the files and the damages.
    """

    folder: Path
    config: Path
    expected: dict[str, str]
    seconds: float
    seed: int

    @classmethod
    def beside_one_left_alone(cls, folder: Path, seed: int) -> Trials:
        """Run the experiment once without disturbing it."""
        from tests.finkd.toys import tiny_model

        (folder / "teacher").mkdir()
        tiny_model(layers=3).save(folder / "teacher")
        config = folder / "killed.yaml"
        config.write_text(yaml.safe_dump({**EXPERIMENT, "teacher": str(folder / "teacher")}, sort_keys=False))
        began = time.perf_counter()
        finished(started(config, folder / "alone"), folder / "alone")
        seconds = time.perf_counter() - began
        return cls(folder, config, result(folder / "alone" / "run"), seconds, seed)

    def run(self, number: int, *, damage: bool) -> dict[str, int]:
        """Run one trial and return its counts; what differs is kept."""
        chance = random.Random(f"{self.seed} {number}")
        out = self.folder / f"trial-{number}"
        if damage:
            about = damaged(self.config, out, self.seconds, chance)
            named = about.split("/")[0] in (out / "log").read_text(encoding="utf-8")
            counts = {"damaged": 1, "damaged_named": int(named)}
        else:
            kills = killed(self.config, out, self.seconds, chance)
            about, counts = f"killed {kills} times", {"trials": 1, "kills": kills}
        same = result(out / "run") == self.expected
        counts["damaged_equal" if damage else "equal"] = int(same)
        sys.stderr.write(f"trial {number}: {'equal' if same else 'DIFFERS'}, {about}\n")
        if same:
            shutil.rmtree(out)
        return counts


def main() -> int:
    """Run all trials."""
    given = options(
        __doc__,
        trials=(50, "runs that are killed"),
        damaged=(30, "runs that are killed and find a file damaged"),
        seed=(0, "of the moments, the files and the damages"),
        jobs=(1, "trials at once"),
    )
    folder = Path(tempfile.mkdtemp(prefix="finkd-kill-"))
    trials = Trials.beside_one_left_alone(folder, given.seed)
    counts: Counter[str] = Counter()
    numbers = range(1, given.trials + given.damaged + 1)
    with ThreadPoolExecutor(given.jobs) as pool:
        for found in pool.map(lambda number: trials.run(number, damage=number > given.trials), numbers):
            counts.update(found)
    print(json.dumps({"benchmark": "kill", **counts, "seconds_undisturbed": round(trials.seconds, 1)}))
    if counts["equal"] + counts["damaged_equal"] == given.trials + given.damaged:
        shutil.rmtree(folder)
        return 0
    sys.stderr.write(f"what differs is kept in {folder}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
