"""Sphinx's configuration: ``make docs`` builds the site in ``docs/_build/html``, without a network."""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile

from jupyter_client import KernelManager

import finkd

project = "finkd"
author = "the developers of finkd"
release = version = finkd.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "scripts", "generated", "results/*/**", "**/.ipynb_checkpoints"]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"

# Notebooks are kept without outputs, run at every build, and fail it with an error.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_merge_streams = True
nb_output_stderr = "remove"
# Nothing of the user's own Jupyter is read or written.
_jupyter = tempfile.TemporaryDirectory(prefix="finkd-docs-")
for _name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
    os.environ[_name] = _jupyter.name
logging.getLogger("traitlets").setLevel(logging.WARNING)
KernelManager.transport_encryption = "auto"  # without it, the kernel warns on standard error

html_theme = "furo"
html_title = f"finkd {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
_figures = subprocess.run(
    ["git", "log", "-1", "--format=%cs", "--", "docs/results"], capture_output=True, text=True, check=False, cwd=".."
).stdout.strip()
copyright = f"{author}. Version {release}, figures of {_figures or 'today'}"
suppress_warnings = ["myst.xref_missing"]  # anchors in HTML; docs/scripts/links.py looks at every link of the site
