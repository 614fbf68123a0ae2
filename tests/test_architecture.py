"""The page on the architecture names things that exist."""

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "architecture.md"
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
