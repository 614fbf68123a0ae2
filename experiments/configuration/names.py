"""Names of people's own as names of files."""

from __future__ import annotations

import hashlib
import re

SLUG = 60
"""Most characters of a name within a file's name."""


def slug(name: str) -> str:
    """A name as part of a file name: its letters and digits, with hyphens between."""
    words = "-".join(re.findall(r"[^\W_]+", name.lower()))
    if len(words) <= SLUG:
        return words
    return f"{words[: SLUG - 9]}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"  # two long names stay two
