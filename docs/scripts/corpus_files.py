"""List the files of every corpus."""

from __future__ import annotations

from pathlib import Path

from finkd.corpora import corpora

HEADER = "| corpus | files below `FINKD_DATA` | from | licence |\n| :--- | :--- | :--- | :--- |\n"


def files() -> dict[Path, str]:
    """Return a table with a row for each corpus; a file that is downloaded from its origin is marked."""
    rows = []
    for name in corpora:
        corpus = corpora.get(name)
        paths = [f"`{path}`{' ↓' if source.url else ''}" for path, source in corpus.files.items()]
        paths += [
            f"`{each.path}`{' ↓' if each.source.url else ''} (sealed)"
            for each in getattr(corpus, "sealed", {}).values()
        ]
        listed = "<br>".join(paths) or "ships with finkd"
        rows.append(f"| `{name}` | {listed} | {corpus.origin} | {corpus.licence} |\n")
    return {Path(__file__).resolve().parents[1] / "generated" / "corpora.md": HEADER + "".join(rows)}
