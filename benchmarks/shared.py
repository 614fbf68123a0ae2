"""Options, fresh processes and facts about the machine that benchmarks share."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FINKD = (sys.executable, "-c", "from finkd.experiments.cli import main; main()")
"""The command ``finkd`` of this code."""


def options(about: str | None, *required: str, hidden: Mapping[str, type] | None = None, **named: Any) -> Any:
    """Parse the options of a benchmark.

    Args:
        about: docstring of the script.
        required: names of what stands on the command line without a name.
        hidden: name -> type of options by which the script starts itself.
        named: name -> default, default and help, or the arguments of ``add_argument``.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in required:
        parser.add_argument(name)
    for name, given in named.items():
        pair = given if isinstance(given, tuple) else (given,)
        fields = given if isinstance(given, dict) else dict(zip(("default", "help"), pair, strict=False))
        parser.add_argument(f"--{name.replace('_', '-')}", **{"type": type(fields.get("default", "")), **fields})
    for name, kind in (hidden or {}).items():
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    return parser.parse_args()


def fresh(script: str, *arguments: object, **environment: str) -> Any:
    """Run a script in a process of its own, and return what its last line holds as JSON."""
    command = [sys.executable, script, *map(str, arguments)]
    run = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def peak_mib() -> int:
    """Return the peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def credit_agreements() -> Path | None:
    """Return the file of credit agreements below ``FINKD_DATA``, if it is there."""
    path = Path(os.environ.get("FINKD_DATA", "")) / "text" / "financial" / "sec_credit_agreements.txt.gz"
    return path if path.is_file() else None


def raw_text() -> str:
    """Return the name of the largest raw text that is there."""
    return "financial-text" if "FINKD_DATA" in os.environ else "sample-text"


def spread(values: list[float]) -> list[float]:
    """Return mean and sample standard deviation."""
    return [round(statistics.mean(values), 4), round(statistics.stdev(values), 4) if len(values) > 1 else 0.0]


def versions() -> dict[str, str]:
    """Return the versions that decide the speed of tokenizing."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("numpy", "tokenizers")}}
