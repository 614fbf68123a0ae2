"""The files of an analysis."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from finkd.corpora.files import write_atomic
from finkd.reports.analysis.page import render
from finkd.reports.analysis.tables import tables
from finkd.reports.formats import latex, markdown

if TYPE_CHECKING:
    from finkd.tokenization.analysis import Analysis

logger = logging.getLogger(__name__)


def build(analysis: Analysis, out: Path) -> list[Path]:
    """Write ``analysis.json`` (every figure), ``.md`` and ``.tex`` (the tables) and ``.html`` (a page to read).

    The same analysis gives the same bytes.

    Args:
        analysis: what was measured.
        out: folder, made if missing; files of the same names are replaced, each one atomically.

    Returns:
        the files written.

    Raises:
        StoreError: if ``out`` cannot be written.
    """
    shown = tables(analysis)
    contents = {
        "analysis.json": json.dumps(analysis.as_dict(), indent=1) + "\n",
        "analysis.md": markdown.document(shown),
        "analysis.tex": latex.document(shown),
        "analysis.html": render(analysis),
    }
    for name, content in contents.items():
        write_atomic(out / name, content)
        logger.info("wrote %s", out / name)
    return [out / name for name in contents]
