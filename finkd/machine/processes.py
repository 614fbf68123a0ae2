"""Distributed processes that train one model, as ``accelerate launch`` starts them; usually there is only one.

All run the same program and read the same store. Each runs the models on its share of a batch, gathers the outputs of
the others, and computes the losses of the whole batch (``distributed_forward``). Only the first process writes files.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from finkd.corpora.errors import ConfigError
from finkd.corpora.wording import counted

if TYPE_CHECKING:  # a single process needs no torch to look into the store
    from torch import Tensor

_PATIENCE = timedelta(days=1)
"""Timeout of the other processes while the first one computes teacher outputs or measures a model."""


def count() -> int:
    """Return the number of processes."""
    # Clusters set WORLD_SIZE for other purposes; only launchers set LOCAL_RANK.
    return int(os.environ.get("WORLD_SIZE", "1")) if "LOCAL_RANK" in os.environ else 1


def number() -> int:
    """Return the rank of this process, from 0."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def is_first() -> bool:
    """Return whether this is the process that writes files."""
    return number() == 0


def wait() -> None:
    """Wait for all processes."""
    if join() is not None:
        from torch import distributed

        distributed.barrier()


def agreed(value: float) -> float:
    """Return the value of the first process."""
    state = join()
    if state is None:
        return value
    import torch
    from torch import distributed

    shared = torch.tensor([value], dtype=torch.float64, device=state.device)
    distributed.broadcast(shared, 0)
    return float(shared)


def mean(values: Tensor) -> Tensor:
    """Return the mean over all processes."""
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
        accelerate's state; ``None`` for a single process.

    Raises:
        ConfigError: if accelerate connects another number of processes.
    """
    if count() == 1:
        return None
    from accelerate import PartialState  # slow to import

    from finkd.machine.device import has_gpu

    # Without GPUs accelerate connects processes only on request; otherwise each would train alone.
    state = PartialState(cpu=not has_gpu(), timeout=_PATIENCE)
    if state.num_processes != count():
        raise ConfigError(
            f"accelerate: connects {counted(state.num_processes, 'process')}, but WORLD_SIZE is {count()}; start the "
            "command with 'accelerate launch --multi_gpu', or unset WORLD_SIZE"
        )
    return state
