"""The formats of a report: each is a function from a report to file names and contents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from finkd.corpora.registry import Registry

if TYPE_CHECKING:
    from finkd.reports.report import Report

formats: Registry[Callable[[Report], Mapping[str, str]]] = Registry(
    "formats",
    {
        "md": ("finkd.reports.formats.markdown:files", "GitHub-flavoured Markdown, one file per table"),
        "tex": ("finkd.reports.formats.latex:files", "LaTeX with booktabs, one compilable file per table"),
        "siunitx": (
            "finkd.reports.formats.latex:siunitx_files",
            "the same LaTeX with siunitx, numbers aligned by their decimal points",
        ),
        "csv": ("finkd.reports.formats.csv:files", "every figure at full precision, one file per table"),
        "jsonl": (
            "finkd.reports.formats.json_lines:files",
            "the run records behind the report in one file, a record a line",
        ),
        "html": ("finkd.reports.pages.page:files", "one self-contained page with tables and pictures"),
    },
)
