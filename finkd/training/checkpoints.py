"""Checkpoints: resume a killed training to the bit."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from finkd.store import Store

_FILE = "state.safetensors"
_INSTEAD = "the training goes on from the other checkpoint, or begins again"


@dataclass(frozen=True)
class Checkpoint:
    """State that determines all remaining steps of a training.

    Attributes:
        tensors: weights, and moments of the optimizers.
        facts: the rest, as JSON values, such as ``step``, ``tokens`` and ``seconds``.
    """

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]


class Checkpoints:
    """The last two checkpoints of a training.

    Two slots are overwritten in turn: if the store refuses a damaged one, the other remains.

    Args:
        store: where they lie.
        key: address of what the training makes.
        every: seconds between two.
    """

    def __init__(self, store: Store, key: str, every: float) -> None:
        self.store = store
        self.every = every
        self.slots = [f"{key}.part-{number}" for number in range(2)]
        self.last = time.perf_counter()
        self.seconds = 0.0
        """Time that earlier processes spent on the training."""
        self.losses: list[tuple[float, float]] = []
        """Points of the loss curve so far, which are kept with the state; see ``finkd.progress.Trace``."""

    @property
    def due(self) -> bool:
        """Whether the next checkpoint is due."""
        return time.perf_counter() - self.last >= self.every

    def latest(self) -> Checkpoint | None:
        """Return the newest undamaged checkpoint."""
        whole = {slot: stored for slot in self.slots if (stored := self.store.get(slot, _INSTEAD)) is not None}
        if not whole:
            return None
        newest = max(whole, key=lambda slot: whole[slot].facts["step"])
        self.slots.sort(key=lambda slot: slot == newest)  # the other one is overwritten first
        facts = whole[newest].facts
        self.seconds = facts["seconds"]
        self.losses[:] = [(share, loss) for share, loss in facts.get("losses", ())]
        return Checkpoint(load_file(whole[newest].folder / _FILE), facts)

    def save(self, checkpoint: Checkpoint) -> None:
        """Overwrite the older of the two slots.

        Raises:
            StoreError: if it cannot be written; the newer one is untouched.
        """
        facts = {"kind": "checkpoint", **checkpoint.facts, "losses": self.losses}
        with self.store.put(self.slots[0], facts) as folder:
            save_file({name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}, folder / _FILE)
        self.slots.reverse()
        self.last = time.perf_counter()

    def clear(self) -> None:
        """Remove both slots; called once the result of the training is stored."""
        for slot in self.slots:
            self.store.remove(slot)


def optimizer_tensors(optimizers: Sequence[torch.optim.Optimizer]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the moments, counters and learning rates of optimizers."""
    tensors: dict[str, Tensor] = {}
    counters: dict[str, float] = {}
    for number, optimizer in enumerate(optimizers):
        for index, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                place: dict[str, Any] = tensors if isinstance(value, Tensor) else counters
                place[f"optimizer.{number}.{index}.{name}"] = value
    rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    return tensors, {"counters": counters, "rates": rates}


def load_optimizers(optimizers: Sequence[torch.optim.Optimizer], checkpoint: Checkpoint) -> None:
    """Restore what ``optimizer_tensors`` returned."""
    states: list[dict[int, dict[str, Any]]] = [{} for _ in optimizers]
    for key, value in (*checkpoint.tensors.items(), *checkpoint.facts["counters"].items()):
        kind, _, rest = key.partition(".")
        if kind == "optimizer":
            number, index, name = rest.split(".")
            states[int(number)].setdefault(int(index), {})[name] = value
    for optimizer, state, rates in zip(optimizers, states, checkpoint.facts["rates"], strict=True):
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
