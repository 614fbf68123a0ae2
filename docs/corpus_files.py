"""Write ``docs/corpora.md``, the files of every corpus that finkd knows: ``python docs/corpus_files.py``."""

from __future__ import annotations

from pathlib import Path

from finkd.corpora import corpora

HEADER = "| corpus | files below `FINKD_DATA` | from | licence |\n| :--- | :--- | :--- | :--- |\n"


def main() -> None:
    """One row for each corpus; a file that is downloaded from its origin is marked."""
    rows = []
    for name in corpora:
        corpus = corpora.get(name)
        files = [f"`{path}`{' ↓' if source.url else ''}" for path, source in corpus.files.items()]
        listed = "<br>".join(files) or "ships with finkd"
        rows.append(f"| `{name}` | {listed} | {corpus.origin} | {corpus.licence} |\n")
    Path(__file__).with_name("corpora.md").write_text(HEADER + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
