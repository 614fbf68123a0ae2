"""Sphinx's configuration: ``make docs`` builds the site in ``docs/_build``, without a network."""

from __future__ import annotations

import subprocess

import finkd

project = "finkd"
author = "the developers of finkd"
release = version = finkd.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "scripts", "generated", "results/*/**"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = f"finkd {release}"
html_show_sourcelink = False
html_copy_source = False
_figures = subprocess.run(
    ["git", "log", "-1", "--format=%cs", "--", "docs/results"], capture_output=True, text=True, check=False, cwd=".."
).stdout.strip()
copyright = f"{author}. Version {release}, figures of {_figures or 'today'}"
suppress_warnings = ["myst.xref_missing"]  # anchors in HTML; docs/scripts/links.py looks at every link of the site
