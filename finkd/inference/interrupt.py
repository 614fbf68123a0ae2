"""A hook that is called while predictions run, and can stop them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Interrupt = Callable[[int], None]
"""Takes the number of tokens to be read next, 0 if they were counted before; raises to stop the prediction."""

_hook: ContextVar[Interrupt | None] = ContextVar("interrupt", default=None)


@contextlib.contextmanager
def interruptible(interrupt: Interrupt | None) -> Iterator[None]:
    """Call ``interrupt`` between the batches of predictions in the context; ``None`` changes nothing."""
    token = _hook.set(interrupt or _hook.get())
    try:
        yield
    finally:
        _hook.reset(token)


def current_interrupt() -> Interrupt:
    """Return the hook of the current predictions. Call it before work is handed to other threads."""
    return _hook.get() or (lambda tokens: None)
