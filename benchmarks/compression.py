"""Run 'finkd benchmark' on everything that ``experiments/configs/compression.yaml`` trained, and of spaCy's pipelines.

    FINKD_DATA=../shared/data python benchmarks/compression.py runs/compression/models runs/spacy

The latter come from ``benchmarks/spacy_ner.py``. Half an hour.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from finkd.experiments.configuration.experiment import load_experiment
from finkd.experiments.configuration.names import slug

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Name every system and its seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path)
    parser.add_argument("spacy", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "compression")
    given = parser.parse_args()
    systems = load_experiment(ROOT / "experiments" / "configs" / "compression.yaml").systems
    named = [f"{name}={_seeds(given.models, f'{slug(name)}-seed-*')}" for name in systems]
    named.append(f"spaCy, small={_seeds(given.spacy, 'seed-*')}")
    command = [sys.executable, "-c", "from finkd.experiments.cli import main; main()", "benchmark", *named]
    read = ("--corpus", "finer-ord", "--split", "validation")
    options = (*read, "--runtimes", "eager,onnx-int8", "--out", str(given.out))
    return subprocess.run([*command, *options], check=False, cwd=ROOT).returncode


def _seeds(folder: Path, pattern: str) -> str:
    return ",".join(str(path.resolve()) for path in sorted(folder.glob(pattern)))


if __name__ == "__main__":
    sys.exit(main())
