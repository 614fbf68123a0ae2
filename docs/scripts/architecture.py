"""Draw the packages, their folders and who imports whom, from the code itself; list folders and modules.

The picture has a column for each package. Its rows are the layers of the package's contract in pyproject.toml: a folder
imports only folders below it. Lines are the imports that exist.
"""

from __future__ import annotations

import ast
import math
import tomllib
from functools import cache
from pathlib import Path

import grimp
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
COLUMN, GAP, ROW = 2.6, 0.5, 0.62
BOX = 0.4
PACKAGES = ("corpora", "tokenization", "finkd", "reports", "experiments")
"""From the one that imports no other to the one that may import all."""
WIDEST = 3
"""Boxes side by side; a longer layer takes another row."""


def contracts() -> dict[str, list[list[str]]]:
    """Package -> its layers from top to bottom, each a list of folders and modules."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layered = [each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == "layers"]
    found = {each["containers"][0].removeprefix("finkd."): each["layers"] for each in layered}
    return {
        package: [layer.split(" | ") for layer in layers if layer not in PACKAGES] for package, layers in found.items()
    }


@cache
def graph() -> grimp.ImportGraph:
    """Every import of finkd."""
    return grimp.build_graph("finkd", exclude_type_checking_imports=True)


def imports(package: str) -> set[tuple[str, str]]:
    """Pairs of folders of a package of which the first imports the second."""
    prefix = "finkd." if package == "finkd" else f"finkd.{package}."
    pairs = {
        (importer.removeprefix(prefix).split(".")[0], imported.removeprefix(prefix).split(".")[0])
        for importer in graph().modules
        for imported in graph().find_modules_directly_imported_by(importer)
        if importer.startswith(prefix) and imported.startswith(prefix)
    }
    return {(one, two) for one, two in pairs if one != two and not {one, two} & set(PACKAGES)}


def modules(package: str, name: str) -> list[Path]:
    """The modules of a folder, or the module itself."""
    folder = ROOT / package / name
    return sorted(folder.glob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def draw() -> None:
    """Draw all packages side by side, as ``docs/explanation/imports.png``."""
    layers = contracts()
    height = max(sum(math.ceil(len(row) / WIDEST) for row in each) for each in layers.values())
    figure, axes = plt.subplots(figsize=(17, 0.75 * height))
    for number, package in enumerate(PACKAGES):
        left = number * (COLUMN + GAP)
        axes.text(left + COLUMN / 2, 0.75, package, ha="center", fontsize=13, fontweight="bold")
        _column(axes, left, layers[package], imports(package), package)
        if number:
            arrow = {"arrowstyle": "->", "color": "0.4"}
            axes.annotate("", (left - GAP + 0.06, 0.8), (left - 0.06, 0.8), arrowprops=arrow)
    axes.set_xlim(-0.1, len(layers) * (COLUMN + GAP) - GAP + 0.1)
    axes.set_ylim(-height * ROW, 1.1)
    axes.axis("off")
    figure.savefig(DOCS / "explanation" / "imports.png", dpi=110, bbox_inches="tight")


def _column(axes: Axes, left: float, layers: list[list[str]], pairs: set[tuple[str, str]], package: str) -> None:
    """One package: a row of boxes for each layer, and a line for each import."""
    place = {}
    rows = [names[start : start + WIDEST] for names in layers for start in range(0, len(names), WIDEST)]
    for row, names in enumerate(rows):
        width = COLUMN / len(names)
        for column, name in enumerate(names):
            place[name] = (left + width * (column + 0.5), -row * ROW, width * 0.94)
    for one, two in sorted(pairs):
        start, end = place[one], place[two]
        axes.plot([start[0], end[0]], [start[1] - BOX / 2, end[1] + BOX / 2], color="0.8", lw=0.8, zorder=0)
    for name, (x, y, width) in place.items():
        is_folder = (ROOT / package / name).is_dir()
        colour = "#dbe9f6" if is_folder else "white"
        axes.add_patch(plt.Rectangle((x - width / 2, y - BOX / 2), width, BOX, fc=colour, ec="0.5", lw=0.8))
        axes.text(x, y, name, ha="center", va="center", fontsize=min(9, 95 * width / len(name)))


def files() -> dict[Path, str]:
    """Return the list of folders and modules for the page that shows it."""
    return {DOCS / "generated" / "folders.md": folders()}


def folders() -> str:
    """Every folder of every package with its number of modules and the first sentence of its docstring."""
    lines = ["| folder | modules | what lives there |", "|---|---:|---|"]
    for package in PACKAGES:
        for name in sorted(each for layer in contracts()[package] for each in layer):
            if (ROOT / package / name).is_dir():
                count = len([path for path in modules(package, name) if path.name != "__init__.py"])
                lines.append(f"| `{package}/{name}` | {count} | {_summary(ROOT / package / name / '__init__.py')} |")
    return "\n".join([*lines, "", *top_modules(), ""])


def top_modules() -> list[str]:
    """A table of the modules that lie in no folder of their package, which its folders share."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).glob("*.py"))]
    rows = [f"| `{path.relative_to(ROOT)}` | {_summary(path)} |" for path in paths if path.name != "__init__.py"]
    return ["| module outside these folders | what it holds |", "|---|---|", *rows]


def _summary(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]
