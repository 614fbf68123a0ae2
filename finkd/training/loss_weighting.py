"""Sum loss terms by weight, optionally with gradients of equal norm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from finkd.losses.term import Loss
from finkd.machine import processes
from finkd.training.callbacks import Callback

_INTERVAL = 16
_MEMORY = 0.9
_MOST = 100.0
_NORMS = "gradient_norm_balancing.sums"


class WeightedSum(Callback):
    """sum_i w_i s_i L_i, where s_i makes the gradients of all terms equally large, or is 1.

    s_i = mean_k |g_k| / |g_i|, with |g_i| the norm of term i's gradient over the dense weights, measured every 16 steps
    and averaged over time (decay 0.9, bias-corrected as in Adam), and s_i at most 100: the gradient of a student that
    begins as its teacher is nearly 0. So the weights w say how much each term counts, whatever its scale. Balancing by
    gradient magnitude follows tokenkit (Minixhofer et al., arXiv 2503.20083, section 3.3).

    Args:
        losses: the terms.
        weights: parameters whose gradients are measured.
        active: whether to balance; with a single term there is nothing to do.
    """

    def __init__(self, losses: Sequence[Loss], weights: Sequence[nn.Parameter], active: bool) -> None:
        self.weights = torch.tensor([loss.weight for loss in losses])
        self.measured = list(weights)
        self.active = active and len(losses) > 1
        self.steps = 0
        self.sums = torch.zeros(2, len(losses))  # of norms, and of their weights in the average

    def __call__(self, terms: Tensor) -> Tensor:
        """Return the weighted sum of (terms,) losses as a scalar."""
        weights = self.weights.to(terms.device)
        if self.active:
            if self.steps % _INTERVAL == 0:
                self._measure(terms)
            self.steps += 1
            weights = weights * self._scales()
        return (weights * terms).sum()

    def tensors(self) -> dict[str, Tensor]:
        """Return what the running averages of the norms are made of."""
        return {_NORMS: self.sums} if self.active else {}

    def restore(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Restore the running averages of the norms."""
        self.steps = step
        if _NORMS in tensors:
            self.sums = tensors[_NORMS].to(self.measured[0].device)

    def _measure(self, terms: Tensor) -> None:
        found = torch.stack([self._norm(term) for term in terms])
        sums, new = self.sums.to(found.device), torch.stack([found, torch.ones_like(found)])
        # A term that reaches none of these weights just now keeps its average.
        self.sums = torch.where(found > 0, _MEMORY * sums + (1 - _MEMORY) * new, sums)

    def _norm(self, term: Tensor) -> Tensor:
        gradients = torch.autograd.grad(term, self.measured, retain_graph=True, allow_unused=True)
        whole = [processes.mean(gradient.float()) for gradient in gradients if gradient is not None]
        squares = [gradient.square().sum() for gradient in whole]
        return torch.stack([torch.zeros_like(term), *squares]).sum().sqrt()  # a term may reach none of the weights

    def _scales(self) -> Tensor:
        total, weight = self.sums
        norms = total / weight.clamp(min=1e-12)
        mean = norms.sum() / (norms > 0).sum().clamp(min=1)
        return torch.where(norms > 0, (mean / norms).clamp(max=_MOST), 1.0)


def balancing_version(balanced: bool) -> dict[str, int]:
    """Return what the addresses of stages hold if balanced, so that results of an earlier rule are not taken."""
    return {"version of gradient_norm_balancing": 2} if balanced else {}
