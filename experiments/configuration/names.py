"""Names of people's own as names of files."""

from __future__ import annotations

import hashlib
import re

from finkd.records import SUFFIX

SLUG = 60
"""Most characters of a name within a file's name."""


def slug(name: str) -> str:
    """A name as part of a file name: its letters and digits, with hyphens between."""
    words = "-".join(re.findall(r"[^\W_]+", name.lower()))
    if len(words) <= SLUG:
        return words
    return f"{words[: SLUG - 9]}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"  # two long names stay two


def stem(system: str, seed: int) -> str:
    """Name of what belongs to a system and seed, without an ending."""
    return f"{slug(system)}-seed-{seed}"


def record_file(system: str, seed: int) -> str:
    """Name of a record's file within the folder of records."""
    return f"{stem(system, seed)}{SUFFIX}"
