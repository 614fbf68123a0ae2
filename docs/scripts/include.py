"""Copy tables that the program wrote into the pages that show them.

A page marks the place with ``<!-- include FILE -->`` and ``<!-- end -->``; FILE is relative to the project.

    python docs/scripts/include.py README.md docs/results/index.md          write
    python docs/scripts/include.py --check README.md docs/results/index.md  exit 1 if a page shows something else
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from made import write_or_check

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"(<!-- include (?P<file>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def included(page: str) -> str:
    """The page with every marked block replaced by its file's text."""

    def fill(match: re.Match[str]) -> str:
        text = (ROOT / match["file"]).read_text(encoding="utf-8").strip()
        return f"{match[1]}\n{text}\n\n{match[3]}"

    return _BLOCK.sub(fill, page)


if __name__ == "__main__":
    sys.exit(write_or_check(__doc__, lambda paths: {each: included(each.read_text()) for each in paths}, "pages"))
