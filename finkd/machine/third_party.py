"""Hold third-party libraries back: their logging, their warnings, and code of model repositories."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from finkd.corpora.errors import ConfigError


@contextmanager
def quiet(logger: str) -> Iterator[None]:
    """Suppress all warnings, and all messages of a library's logger but errors."""
    noisy = logging.getLogger(logger)
    before = noisy.level
    noisy.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        noisy.setLevel(before)


@contextmanager
def no_code_of_models(name: str) -> Iterator[None]:
    """Refuse the code of model repositories where a library asks ``transformers`` to trust it.

    Args:
        name: of the model, for messages.

    Raises:
        ConfigError: if the model needs code of its own.
    """
    from transformers import dynamic_module_utils

    def refuse(*_: Any, **__: Any) -> Any:
        raise ConfigError(f"{name}: asks for code in its folder or on the hub, which finkd never runs")

    before = dynamic_module_utils.get_cached_module_file  # all such code is looked up by it
    dynamic_module_utils.get_cached_module_file = refuse
    try:
        yield
    finally:
        dynamic_module_utils.get_cached_module_file = before
