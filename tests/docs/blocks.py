"""The blocks of code of README and docs, each with the reason that the page gives if it is not run.

python -m tests.docs.blocks    count them
"""

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*/*.md")])
_BLOCK = re.compile(r"^```([^`\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_MARK = re.compile(r"<!-- not run: (.+) -->\n\Z")
_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?:finkd|python|make) ")
_WITHIN_A_SENTENCE = re.compile(r"`((?:[A-Z_]+=\S+\s+)*(?:finkd|python) [^`]+)`")


@dataclass(frozen=True)
class Block:
    """One block.

    Attributes:
        page: relative to the project.
        language: ``python``, ``yaml``, or nothing for a shell.
        text: its lines.
        reason: why it is not run; empty if it is.
    """

    page: str
    language: str
    text: str
    reason: str

    @property
    def id(self):
        """Its page and the beginning of its first line."""
        return f"{self.page}:{self.text.splitlines()[0][:40]}"

    @property
    def commands(self):
        """Lines for a shell that begin with a program of this project, comments included."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if _COMMAND.match(line)]

    @property
    def is_checked(self):
        """Whether anything in it is compared with the program, though it is not run."""
        return bool(self.language or self.commands)


def blocks_of(page):
    """Return the blocks of a page; directives such as ``{image}`` are none."""
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        if not found[1].startswith("{"):
            mark = _MARK.search(text[: found.start()])
            yield Block(str(page.relative_to(ROOT)), found[1], found[2], mark[1] if mark else "")


def commands_within_sentences(page):
    """Return the commands that a page names between backticks, each on one line."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(found.split()) for found in _WITHIN_A_SENTENCE.findall(text)]


def commands_above(configuration):
    """Return the commands that the comments of a configuration file name."""
    lines = [line.lstrip("# ") for line in configuration.read_text(encoding="utf-8").splitlines() if line[:1] == "#"]
    return [line for line in lines if _COMMAND.match(line)]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def counts():
    """Return how many blocks are run, are checked though they are not run, and are neither."""
    return Counter("run" if not each.reason else "checked" if each.is_checked else "neither" for each in BLOCKS)


if __name__ == "__main__":
    sys.stdout.write(", ".join(f"{count} {kind}" for kind, count in sorted(counts().items())) + "\n")
