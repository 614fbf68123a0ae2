"""Check that a change of the code left the quick start's models and scores as they were, bit by bit.

    python benchmarks/unchanged.py --before fa0f7b7

Runs the quick start with the code of a commit, in a git worktree of its own, and then with this code, and compares the
SHA-256 of every model's weights and tokenizer, and all F1 scores. Prints one JSON line; exits 1 if anything differs.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.shared import ROOT, options

CONFIG = "experiments/configs/quickstart.yaml"
FILES = ("model.safetensors", "tokenizer.json")


def result(code: Path, out: Path) -> dict[str, str]:
    """Run the quick start with the code of a folder; hashes by file, and scores by system and column."""
    package = "finkd.experiments" if (code / "finkd" / "experiments").exists() else "experiments"  # as it was called
    program = f"from {package}.cli import main; main()"
    command = [sys.executable, "-c", program, "run", CONFIG, "--out", str(out), "--set", "measure=0"]
    subprocess.run(command, cwd=code, env={**os.environ, "PYTHONPATH": str(code)}, check=True, stdout=sys.stderr)
    found = {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for name in FILES
        for path in sorted((out / "models").glob(f"*/{name}"))
    }
    with (out / "results.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            found |= {f"{row['system']}: {column}": value for column, value in row.items() if "f1" in column.lower()}
    return found


def main() -> int:
    """Compare."""
    before = options(__doc__, before={"required": True, "help": "commit to compare with"}).before
    with tempfile.TemporaryDirectory(prefix="finkd-unchanged-") as name:
        tree = Path(name) / "before"
        subprocess.run(
            ["git", "worktree", "add", "--detach", str(tree), before], cwd=ROOT, check=True, stdout=sys.stderr
        )
        try:
            old, new = result(tree, Path(name) / "run-before"), result(ROOT, Path(name) / "run-now")
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)
    differ = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    models = {key: value for key, value in new.items() if key.endswith(FILES)}
    print(json.dumps({"benchmark": "unchanged", "before": before, "compared": len(old), "differ": differ, **models}))
    return bool(differ)


if __name__ == "__main__":
    sys.exit(main())
