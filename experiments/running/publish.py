"""Models of the store, shown under their names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from finkd.corpora.files import MARK, atomic_folder
from finkd.store import MANIFEST


def publish(stored: Path, folder: Path) -> Path:
    """Show an entry of the store as another folder; the files are the store's own where links are possible.

    Args:
        stored: the entry's folder.
        folder: where it is to be found; replaced if it is there.
    """
    with atomic_folder(folder) as unfinished:
        for file in stored.iterdir():
            if file.name != MANIFEST:
                _link(file, unfinished / file.name)
        (unfinished / MARK).touch()
    return folder


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
