"""Averaged weights: a training ends with a mean of its weights over time."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from finkd.training.callbacks import Callback

_PREFIX = "average."
_EARLY = 10


class Averaging(Callback):
    """An exponential moving average of the weights, which takes their place after the last step.

    The average changes less between steps than the weights do, and often generalises better (Polyak and Juditsky 1992;
    with this decay: Tarvainen and Valpola, arXiv 1703.01780, section 3). It is about that of the last n / 9 of n steps
    at first, so that it soon leaves the first weights behind, and later of the last 1 / (1 - decay).

    Args:
        trained: what holds the weights that optimizers change.
        decay: weight of the average, against that of a new value, in each step.
    """

    def __init__(self, trained: nn.Module, decay: float) -> None:
        self.weights = [weight for weight in trained.parameters() if weight.requires_grad]
        self.averages: list[Tensor] = []
        self.decay = decay
        self.steps = 0

    def begin(self, done: float) -> None:
        """Start from the weights as they are."""
        self.averages = self.averages or [weight.detach().clone() for weight in self.weights]

    def after_update(self, done: float) -> None:
        """Move the average towards the weights."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + _EARLY - 1))
        get_ema_multi_avg_fn(decay)(self.averages, [weight.detach() for weight in self.weights], None)  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def end(self, done: float) -> None:
        """Replace the weights by their average."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            weight.copy_(average)

    def tensors(self) -> dict[str, Tensor]:
        """Return the average."""
        return {f"{_PREFIX}{number}": average for number, average in enumerate(self.averages)}

    def restore(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Restore the average."""
        self.steps = step
        self.averages = [tensors[f"{_PREFIX}{number}"].to(weight.device) for number, weight in enumerate(self.weights)]
