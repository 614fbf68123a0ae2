"""Layout of a run's folder: where its settings, records, models and stored results lie, and what they are called."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

SLUG = 60
"""Most characters of a name within a file's name."""
RUNS = Path("runs")
"""Folder of the folders of runs."""
SETTINGS = "experiment.json"
"""File of the settings whose results a folder holds."""
RECORDS = "records"
MODELS = "models"


def slug(name: str) -> str:
    """A name as part of a file name: its letters and digits, with hyphens between."""
    words = "-".join(re.findall(r"[^\W_]+", name.lower()))
    if len(words) <= SLUG:
        return words
    return f"{words[: SLUG - 9]}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"  # two long names stay two


def _stem(system: str, seed: int) -> str:
    """Name of what belongs to a system and seed, without an ending."""
    return f"{slug(system)}-seed-{seed}"


def default_folder(name: str) -> Path:
    """The folder of the results of an experiment, a study or a suite if none is named."""
    return RUNS / slug(name)


def store_beside(out: Path) -> Path:
    """The folder of stored results, which all runs beside one another share."""
    return out.parent / "store"


def record_path(out: Path, system: str, seed: int) -> Path:
    """The run record of a system and seed."""
    from finkd.records import SUFFIX  # imports pydantic, which commands that need none start without

    return out / RECORDS / f"{_stem(system, seed)}{SUFFIX}"


def model_path(out: Path, system: str, seed: int) -> Path:
    """The folder of the model of a system and seed."""
    return out / MODELS / _stem(system, seed)
