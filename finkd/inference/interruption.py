"""A hook that long predictions call between two batches, so that a caller can stop them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Interrupt = Callable[[int], None]
"""Takes the tokens that are about to be read, 0 where they were counted before; raises to stop the prediction."""

_hook: ContextVar[Interrupt | None] = ContextVar("interrupt", default=None)


@contextlib.contextmanager
def interruptible(interrupt: Interrupt | None) -> Iterator[None]:
    """Call ``interrupt`` between the batches of the predictions within; ``None`` changes nothing."""
    if interrupt is None:
        yield
        return
    token = _hook.set(interrupt)
    try:
        yield
    finally:
        _hook.reset(token)


def current_interrupt() -> Interrupt:
    """The hook of the predictions that run now. Fetch it before work is handed to other threads."""
    return _hook.get() or _ignore


def _ignore(tokens: int) -> None:
    return None
