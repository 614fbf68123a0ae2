"""spaCy without PyTorch."""

from __future__ import annotations

import sys


def import_spacy_alone() -> None:
    """Import spaCy, but not PyTorch with it, unless that has been imported already.

    spaCy's library thinc imports PyTorch where it is installed, which takes seconds and 180 MB. finkd splits texts into
    words with spaCy, which needs none of it. In a process in which this was called, spaCy cannot run networks of
    PyTorch, so it is for commands that run nothing but a graph. A plugin of spaCy may still import PyTorch later.
    """
    if "torch" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # as documented: makes an import of it fail
    try:
        import spacy  # noqa: F401
    finally:
        del sys.modules["torch"]
