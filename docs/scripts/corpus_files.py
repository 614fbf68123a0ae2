"""Write ``docs/generated/corpora.md``, the files of every corpus: ``python docs/scripts/corpus_files.py``."""

from __future__ import annotations

import sys
from pathlib import Path

from made import write_or_check

from finkd.corpora import corpora

HEADER = "| corpus | files below `FINKD_DATA` | from | licence |\n| :--- | :--- | :--- | :--- |\n"


def page() -> str:
    """One row for each corpus; a file that is downloaded from its origin is marked."""
    rows = []
    for name in corpora:
        corpus = corpora.get(name)
        files = [f"`{path}`{' ↓' if source.url else ''}" for path, source in corpus.files.items()]
        files += [
            f"`{each.path}`{' ↓' if each.source.url else ''} (sealed)"
            for each in getattr(corpus, "sealed", {}).values()
        ]
        listed = "<br>".join(files) or "ships with finkd"
        rows.append(f"| `{name}` | {listed} | {corpus.origin} | {corpus.licence} |\n")
    return HEADER + "".join(rows)


if __name__ == "__main__":
    path = Path(__file__).resolve().parents[1] / "generated" / "corpora.md"
    sys.exit(write_or_check(__doc__, lambda _: {path: page()}))
