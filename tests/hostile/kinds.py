"""The kinds of hostile input, each with the module that generates it.

Every module has ``generate(random, folder) -> Case``; ``EXAMPLES`` beside it may say how many the property test tries.
"""

from __future__ import annotations

import importlib

from tests.hostile.case import Generate

KINDS: dict[str, str] = {
    "data": "tests.hostile.data",
    "models": "tests.hostile.models",
    "tokenizers": "tests.hostile.tokenizers",
    "graphs": "tests.hostile.graphs",
    "requests": "tests.hostile.requests",
    "configurations": "tests.hostile.configurations",
}


def generator(kind: str) -> Generate:
    """The generator of a kind."""
    generate: Generate = importlib.import_module(KINDS[kind]).generate
    return generate
