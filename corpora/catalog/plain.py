"""Lines of text files that need no cleaning."""

from __future__ import annotations

from collections.abc import Iterator

from finkd.corpora.corpus import Find
from finkd.corpora.readers.lines import numbered_lines


def plain_lines(find: Find, relative: str) -> Iterator[str]:
    """The non-blank lines of one of a corpus's files; the file is looked for when the first line is asked for.

    Raises:
        UnavailableError: if the file is nowhere.
        DataError: if it was changed, or is not UTF-8.
    """
    for _, line in numbered_lines(find(relative)):
        # In three lines of the 10-K prose, the PDF's check boxes came out as NULs.
        if line.strip() and "\0" not in line:
            yield line
