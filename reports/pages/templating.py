"""The templates of all pages and texts, and the scripts of pages: a variable that is missing is an error."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def _environment(*, autoescape: bool) -> Environment:
    return Environment(
        loader=PackageLoader("finkd.reports"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


TEMPLATES = _environment(autoescape=True)
"""Of pages; what is put into them is escaped for HTML."""
TEXTS = _environment(autoescape=False)
"""Of Markdown; the caller escapes (``finkd.reports.formats.markdown.escape``)."""


def inline_script(name: str) -> dict[str, str]:
    """Return the variables ``script`` and ``script_hash`` of a page that may run this script alone."""
    script = (resources.files("finkd.reports") / "templates" / name).read_text(encoding="utf-8")
    return {
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }
