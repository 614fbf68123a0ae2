"""Write files that are made from the code, or check that they are as made."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def write_or_check(about: str | None, make: Callable[[Sequence[Path]], Mapping[Path, str]], *required: str) -> int:
    """Write files, or with ``--check`` return 1 and name those that say something else.

    Args:
        about: docstring of the script.
        make: from the paths on the command line, the text of each file.
        required: what stands there, if anything.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in required:
        parser.add_argument(name, nargs="+", type=Path)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file differs")
    given = parser.parse_args()
    files = make([path for name in required for path in getattr(given, name)])
    stale = [path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if given.check:
            sys.stderr.write(f"{path} is not as made; run python {sys.argv[0]}\n")
        else:
            path.write_text(files[path], encoding="utf-8")
    return int(given.check and bool(stale))
