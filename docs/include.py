"""Copy tables that the program wrote into the pages that show them.

A page marks the place with ``<!-- include FILE -->`` and ``<!-- end -->``; FILE is relative to the project.

    python docs/include.py README.md docs/results.md          write
    python docs/include.py --check README.md docs/results.md  exit 1 if a page shows something else
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(r"(<!-- include (?P<file>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def included(page: str) -> str:
    """The page with every marked block replaced by its file's text."""

    def fill(match: re.Match[str]) -> str:
        text = (ROOT / match["file"]).read_text(encoding="utf-8").strip()
        return f"{match[1]}\n{text}\n\n{match[3]}"

    return _BLOCK.sub(fill, page)


def main() -> int:
    """Update or check pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--check", action="store_true", help="change nothing")
    arguments = parser.parse_args()
    stale = []
    for path in arguments.pages:
        page = path.read_text(encoding="utf-8")
        if included(page) != page:
            stale.append(str(path))
            if not arguments.check:
                path.write_text(included(page), encoding="utf-8")
    if arguments.check and stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run python docs/include.py {' '.join(stale)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
