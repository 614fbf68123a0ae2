"""Write docs/literature.md and docs/references.bib from the references that finkd carries.

python docs/literature.py          write
python docs/literature.py --check  exit 1 if a file says something else
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from finkd.experiments.commands.listing import listed
from finkd.reports.formats.markdown import escape
from finkd.reports.literature import KINDS, Reference, bibtex, cited, names, references

ROOT = Path(__file__).resolve().parent


def page() -> str:
    """What each name goes back to, and the list of all works."""
    lines = [
        "# Literature",
        "",
        "Made by `python docs/literature.py` from `reports/literature/references.yaml`, as is "
        "[references.bib](references.bib).",
        "",
    ]
    for kind, heading in KINDS.items():
        lines += [
            f"## {heading}",
            "",
            "| Name | What it is | Goes back to |",
            "| :--- | :--- | :--- |",
            *_rows(kind),
            "",
        ]
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


def main() -> int:
    """Write both files, or compare them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    is_check = options.parse_args().check
    differs = False
    for name, text in (("literature.md", page()), ("references.bib", bibtex())):
        path = ROOT / name
        if is_check:
            same = path.is_file() and path.read_text(encoding="utf-8") == text
            differs |= not same
            sys.stdout.write(f"{path}: {'as made' if same else 'differs; run python docs/literature.py'}\n")
        else:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path}\n")
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
