"""The templates of all pages and texts: nothing that is put into one may be missing.

What goes into a page (``TEMPLATES``) is escaped for HTML; what goes into a text (``TEXTS``) whoever renders it escapes.
"""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

TEMPLATES = Environment(
    loader=PackageLoader("finkd.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
TEXTS = Environment(
    loader=PackageLoader("finkd.reports"),
    autoescape=False,  # Markdown: ``finkd.reports.formats.markdown.escape``
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
