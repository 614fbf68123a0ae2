"""The page on the architecture names things that exist, and an import changes nothing in other modules."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "explanation" / "architecture.md"
NAMES = sorted(set(re.findall(r"`(finkd(?:\.\w+)+)`", PAGE.read_text(encoding="utf-8"))))


def test_the_page_names_functions():
    assert len(NAMES) > 10


@pytest.mark.parametrize("name", NAMES)
def test_each_name_exists(name):
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return
    raise AssertionError(f"no module {name}")


def changed_by_import(path):
    """Yield the calls at the top level of a module whose object is one of another module."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for node in body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            while isinstance(called, ast.Attribute | ast.Call):
                called = called.value if isinstance(called, ast.Attribute) else called.func
            if isinstance(called, ast.Name) and called.id in imported:
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"


def test_an_import_registers_nothing_and_sets_nothing_elsewhere():
    packages = ("corpora", "tokenization", "finkd", "reports", "experiments")
    paths = [path for name in packages for path in (ROOT / name).rglob("*.py")]
    assert len(paths) > 200
    assert [call for path in paths for call in changed_by_import(path)] == []
