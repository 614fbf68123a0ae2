"""The folder of an experiment's results: it holds those of one configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finkd.corpora.errors import ConfigError, StoreError
from finkd.corpora.files import write_atomic
from finkd.experiments.configuration.layout import RECORDS, SETTINGS

CORPUS = "corpus"
"""Name of the labelled corpus among the fingerprints of what is read."""
DATA = "data"
"""Key of those fingerprints in the settings of a folder."""


def claim(out: Path, settings: Mapping[str, Any]) -> None:
    """Write settings into their folder."""
    write_atomic(out / SETTINGS, json.dumps(settings, indent=1) + "\n")


def joined_settings(out: Path, settings: Mapping[str, Any], data: Mapping[str, str], records: str) -> dict[str, Any]:
    """The settings of an experiment, joined with those whose results its folder holds; nothing is written.

    Seeds and systems may be added; a folder's report shows all of them. A folder without a result is anybody's.

    Args:
        out: the folder.
        settings: resolved ones.
        data: fingerprints of all that is read, by what it is called. What an earlier version did not keep is not
            compared.
        records: pattern of the names of records.

    Raises:
        ConfigError: if its results come from another configuration or from other data.
        StoreError: if it cannot be written.
    """
    first = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not (first.is_dir() and os.access(first, os.W_OK)):
        reason = "no permission" if first.is_dir() else "Not a directory"
        raise StoreError(f"{first}: cannot write ({reason}); choose another --out")
    now: dict[str, Any] = json.loads(json.dumps(settings))
    path = out / SETTINGS
    if not (path.is_file() and any((out / RECORDS).glob(records))):
        return {**now, DATA: dict(data)}
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        known = before.pop(DATA, {})
        known = {CORPUS: known} if isinstance(known, str) else dict(known)  # earlier versions kept the corpus alone
        joined = _joined(before, now)
    except (ValueError, TypeError, KeyError, AttributeError):
        joined = None
    changed = [] if joined is None else [name for name, key in data.items() if known.get(name, key) != key]
    if joined is None or changed:
        found = f"other data ({', '.join(changed)})" if changed else "another configuration"
        raise ConfigError(
            f"{out}: holds results of {found}; choose another --out or remove the folder "
            "(what was trained is stored beside it, and is not trained again)"
        )
    return {**joined, DATA: {**known, **data}}


def _joined(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any] | None:
    """The settings, with the seeds and systems of an earlier run beside theirs; ``None`` if anything else differs.

    The reference may differ: only reports read it.
    """
    systems = {**before["systems"], **now["systems"]}
    seeds = sorted({*before["seeds"], *now["seeds"]})
    joined = {**now, "systems": systems, "seeds": seeds}
    earlier = {**before, "seeds": seeds, "systems": {**systems, **before["systems"]}}
    is_same = {**earlier, "reference": None} == {**joined, "reference": None}
    return joined if is_same else None
