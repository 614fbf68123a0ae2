"""Write docs/reference/literature.md and docs/reference/references.bib from the references that finkd carries.

python docs/scripts/literature.py          write
python docs/scripts/literature.py --check  exit 1 if a file says something else
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from made import write_or_check

from finkd.experiments.commands.listing import listed
from finkd.reports.formats.markdown import escape
from finkd.reports.literature import KINDS, Reference, bibtex, cited, names, references

OUT = Path(__file__).resolve().parents[1] / "reference"


def page() -> str:
    """Build the page: the works behind each name, and the list of all works."""
    made = "Made by `python docs/scripts/literature.py` from `reports/literature/references.yaml`, as is "
    lines = ["# Literature", "", f"{made}[references.bib](references.bib).", ""]
    for kind, heading in KINDS.items():
        table = ["| Name | What it is | Goes back to |", "| :--- | :--- | :--- |", *_rows(kind)]
        lines += [f"## {heading}", "", *table, ""]
    lines += ["## References", ""]
    lines += [f'- <a id="{each.key}"></a>{escape(each.full)}{_link(each)}' for each in references().values()]
    return "\n".join(lines) + "\n"


def _rows(kind: str) -> Iterator[str]:
    rows = {} if kind == "methods" else {row["name"]: row for row in listed(kind)}
    for name in names(kind):
        works = ", ".join(f"[{escape(each.short)}](#{each.key})" for each in cited(kind, name))
        row = rows.get(name, {})
        source = works or escape(row.get("reference", "finkd"))
        yield f"| {escape(name)} | {escape(row.get('summary', ''))} | {source} |"


def _link(reference: Reference) -> str:
    return f" [arXiv](https://arxiv.org/abs/{reference.arxiv})" if reference.arxiv else ""


if __name__ == "__main__":
    texts = {OUT / "literature.md": page(), OUT / "references.bib": bibtex()}
    sys.exit(write_or_check(__doc__, lambda _: texts))
