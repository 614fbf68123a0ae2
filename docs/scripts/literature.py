"""List the references that finkd carries, as a page and for BibTeX."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from finkd.experiments.commands.listing import listed
from finkd.reports.formats.markdown import escape
from finkd.reports.literature import KINDS, Reference, bibtex, cited, names, references

OUT = Path(__file__).resolve().parents[1] / "reference"


def files() -> dict[Path, str]:
    """Return the page and the references for BibTeX."""
    return {OUT / "literature.md": page(), OUT / "references.bib": bibtex()}


def page() -> str:
    """Build the page: the works behind each name, and the list of all works."""
    made = "Made by `make pages` from `reports/literature/references.yaml`, as is "
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
