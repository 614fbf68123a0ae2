"""Write what the pages say of the code, and copy tables of results into the pages that show them.

    python docs/scripts/pages.py          write
    python docs/scripts/pages.py --check  exit 1 if a file says something else

A page marks the place of a table with ``<!-- include FILE -->`` and ``<!-- end -->``; FILE is relative to the project.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import architecture
import corpus_files
import literature
import models
import reference

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"(<!-- include (?P<file>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def made() -> dict[Path, str]:
    """Return the text of each file that is made from the code."""
    makers = (architecture, corpus_files, literature, models, reference)
    return {path: text for each in makers for path, text in each.files().items()}


def filled() -> dict[Path, str]:
    """Return the text of each page with every marked block replaced by its file's text."""

    def fill(match: re.Match[str]) -> str:
        text = (ROOT / match["file"]).read_text(encoding="utf-8").strip()
        return f"{match[1]}\n{text}\n\n{match[3]}"

    docs = [path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts]
    return {path: _BLOCK.sub(fill, path.read_text(encoding="utf-8")) for path in (ROOT / "README.md", *docs)}


def main() -> int:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file differs")
    check, stale = parser.parse_args().check, False
    for files in (made, filled):  # pages show what is made
        for path, text in files().items():
            if path.is_file() and path.read_text(encoding="utf-8") == text:
                continue
            stale = True
            if check:
                sys.stderr.write(f"{path.relative_to(ROOT)} is not as made; run 'make pages'\n")
            else:
                path.write_text(text, encoding="utf-8")
    if not check:
        architecture.draw()
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
