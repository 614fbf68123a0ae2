"""Processes that train one model together, as ``accelerate launch`` starts them; usually there is only one.

All of them go through the same program and read the same folder of stored results. Each runs the models over its share
of a batch, sees what the others made of theirs, and computes the losses of the whole batch (``distributed_forward``);
whatever is written, the first one writes.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from finkd.corpora.errors import ConfigError
from finkd.corpora.wording import counted

if TYPE_CHECKING:  # a process that is alone needs no torch: the store is looked at before anything is trained
    from torch import Tensor

_PATIENCE = timedelta(days=1)
"""The first process reads a corpus with the teacher, or measures a model, while the others wait for it."""


def count() -> int:
    """How many there are."""
    # Clusters set WORLD_SIZE for purposes of their own; only launchers say which process of its machine this one is.
    return int(os.environ.get("WORLD_SIZE", "1")) if "LOCAL_RANK" in os.environ else 1


def number() -> int:
    """Which one this is, from 0."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def is_first() -> bool:
    """Whether this is the one that writes."""
    return number() == 0


def wait() -> None:
    """Go on once every process has come here."""
    if join() is not None:
        from torch import distributed

        distributed.barrier()


def agreed(value: float) -> float:
    """The first process's value."""
    state = join()
    if state is None:
        return value
    import torch
    from torch import distributed

    shared = torch.tensor([value], dtype=torch.float32, device=state.device)
    distributed.broadcast(shared, 0)
    return float(shared)


def mean(values: Tensor) -> Tensor:
    """The mean over all processes."""
    if join() is None:
        return values
    from torch import distributed

    shared = values.clone()
    distributed.all_reduce(shared)
    return shared / count()


@cache
def join() -> Any:
    """Connect this process with the others, if there are any.

    Returns:
        accelerate's account of them; ``None`` if this process is alone.

    Raises:
        ConfigError: if accelerate does not know of them.
    """
    if count() == 1:
        return None
    import torch
    from accelerate import PartialState  # slow to import

    # On a machine without GPUs accelerate connects nobody unless it is told, and each process would train for itself.
    cpu = not torch.cuda.is_available() or os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true")
    state = PartialState(cpu=cpu, timeout=_PATIENCE)
    if state.num_processes != count():
        raise ConfigError(
            f"accelerate: connects {counted(state.num_processes, 'process')}, but WORLD_SIZE is {count()}; start the "
            "command "
            "with 'accelerate launch --multi_gpu', or unset WORLD_SIZE"
        )
    return state
