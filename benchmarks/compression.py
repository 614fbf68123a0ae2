"""Run 'finkd benchmark' on everything that ``experiments/configs/compression.yaml`` trained, and of spaCy's pipelines.

    FINKD_DATA=../shared/data python benchmarks/compression.py runs/compression/models runs/spacy

The latter come from ``benchmarks/spacy_ner.py``. Half an hour.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.shared import FINKD, ROOT, options
from finkd.experiments.configuration.experiment import load_experiment
from finkd.experiments.configuration.layout import slug


def main() -> int:
    """Name every system and its seeds."""
    given = options(__doc__, "models", "spacy", out=ROOT / "docs" / "results" / "compression")
    systems = load_experiment(ROOT / "experiments" / "configs" / "compression.yaml").systems
    named = [f"{name}={_seeds(Path(given.models), f'{slug(name)}-seed-*')}" for name in systems]
    named.append(f"spaCy, small={_seeds(Path(given.spacy), 'seed-*')}")
    read = ("--corpus", "finer-ord", "--split", "validation")
    how = (*read, "--runtimes", "eager,onnx-int8", "--out", str(given.out))
    return subprocess.run([*FINKD, "benchmark", *named, *how], check=False, cwd=ROOT).returncode


def _seeds(folder: Path, pattern: str) -> str:
    return ",".join(str(path.resolve()) for path in sorted(folder.glob(pattern)))


if __name__ == "__main__":
    sys.exit(main())
