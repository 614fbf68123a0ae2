"""A network in the form in which a graph holds it: products, and for 8 bits balanced ones and rounded rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from finkd.tokenization.tokenizer import Longs

_SHARE = 0.8
"""Of the inputs' range in a balance, the rest is the weights'; of .65 to .85, that by which the scores of three
students and a teacher differ least from fp32."""
TYPICAL_LENGTH = 40
"""Tokens of a sentence of news, rounded up."""


class Product(nn.Module):
    """A linear layer that holds its matrix as a product reads it.

    The exporter turns the matrix of ``nn.Linear`` around within the graph, and folds that only where no other layer has
    the same matrix; what is left turns at every run, and quantization does not see it.

    Args:
        weight: (inputs, outputs).
        bias: (outputs,), or none.
        factors: (inputs,) of its inputs, which the matrix makes up for; or none.
    """

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter | None, factors: nn.Parameter | None) -> None:
        super().__init__()
        self.weight, self.bias, self.factors = weight, bias, factors

    def forward(self, states: Tensor) -> Tensor:
        """(..., outputs) of (..., inputs)."""
        product = (states if self.factors is None else states * self.factors) @ self.weight
        return product if self.bias is None else product + self.bias


class Rows(nn.Module):
    """An embedding table whose rows are in 8 bits, each with a step of its own.

    Args:
        table: (rows, width), of an embedding.
    """

    rows: Tensor
    steps: Tensor

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        steps = table.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(table.dtype).tiny) / 127
        self.register_buffer("rows", (table / steps).round().to(torch.int8))
        self.register_buffer("steps", steps)

    def forward(self, ids: Tensor) -> Tensor:
        """(..., width) of (...) row numbers."""
        return functional.embedding(ids, self.rows).to(self.steps.dtype) * functional.embedding(ids, self.steps)


def use_products(network: nn.Module, divisors: Mapping[Tensor, Tensor]) -> None:
    """Put products in the place of all linear layers; what layers share, they go on sharing.

    Args:
        network: is changed.
        divisors: by matrix, of the inputs of its layer (``balance``).
    """
    inverse = {each: nn.Parameter(1 / each) for each in set(divisors.values())}  # one of layers that read the same
    factors = {weight: inverse[each] for weight, each in divisors.items()}
    turned: dict[Tensor, nn.Parameter] = {}
    made: dict[nn.Module, Product] = {}
    for name, module in list(network.named_modules(remove_duplicate=False)):
        if isinstance(module, nn.Linear):
            if module.weight not in turned:
                weight = module.weight.detach() * divisors.get(module.weight, 1.0)
                turned[module.weight] = nn.Parameter(weight.T.contiguous())
            if module not in made:
                made[module] = Product(turned[module.weight], module.bias, factors.get(module.weight))
            network.set_submodule(name, made[module])


def use_rows(network: nn.Module) -> None:
    """Put tables in 8 bits in the place of all embeddings."""
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Embedding):
            network.set_submodule(name, Rows(module.weight.detach()))


def balance(network: nn.Module, batches: Iterable[Mapping[str, Longs]]) -> dict[Tensor, Tensor]:
    """What the inputs of linear layers are best divided by before they are rounded to 8 bits.

    All inputs of a layer are rounded in the same steps, and in an encoder a few of them are twenty times as large as
    the others, which then have hardly a step left. Each input is divided by a number with which its row of the matrix
    is multiplied: the function is the same, and both are easier to round (SmoothQuant, Xiao et al. 2023, equation 4):

        s_j = max |X_j| ** a / max |W_j| ** (1 - a)

    Args:
        network: reads the batches.
        batches: arguments of the network, typical of what it is going to read.

    Returns:
        (inputs,) divisors by matrix; one tensor for all matrices that read the same states, so that a graph divides
        and rounds these once.
    """
    first: dict[Tensor, Tensor] = {}  # matrix -> the first one that reads what it reads
    readers: dict[Tensor, Tensor] = {}  # states of this batch -> their first reader
    peaks: dict[Tensor, Tensor] = {}

    def read(module: Any, given: Any, _: Any) -> None:
        states, weight = given[0], module.weight
        reader = first.setdefault(weight, readers.setdefault(states, weight))
        peak = states.abs().flatten(0, -2).amax(dim=0)
        peaks[reader] = torch.maximum(peaks.get(reader, peak), peak)

    hooks = [each.register_forward_hook(read) for each in network.modules() if isinstance(each, nn.Linear)]
    try:
        with torch.inference_mode():
            for batch in batches:
                network(**{name: torch.from_numpy(each) for name, each in batch.items()})
                readers.clear()  # and the states with it
    finally:
        for hook in hooks:
            hook.remove()
    together = {reader: [weight for weight in first if first[weight] is reader] for reader in peaks}
    divisors = {reader: _divisors(peak, torch.cat(together[reader]).detach()) for reader, peak in peaks.items()}
    return {weight: divisors[reader] for weight, reader in first.items()}


def _divisors(inputs: Tensor, weights: Tensor) -> Tensor:
    """Of (inputs,) largest inputs and the (outputs, inputs) weights that they meet."""
    seen = inputs.clamp(min=inputs.median())  # one that kept quiet here may be loud elsewhere
    divisors = seen**_SHARE / weights.abs().amax(dim=0) ** (1 - _SHARE)
    return torch.where(torch.isfinite(divisors) & (divisors > 0), divisors, 1.0)


def drawn(
    ids: int, specials: Mapping[str, int], length: int = TYPICAL_LENGTH, rows: int = 256
) -> Iterator[dict[str, Longs]]:
    """Batches of tokens drawn from a vocabulary, for want of text: as often as tokens of their rank are (Zipf).

    The ids of a trained vocabulary stand in the order of how common they were.

    Args:
        ids: size of the vocabulary.
        specials: role -> id of its special tokens.
        length: of a row, with its special tokens.
        rows: of all batches.
    """
    chance = 1 / (np.arange(ids) + 50.0)
    chance[list(specials.values())] = 0
    tokens = np.random.default_rng(0).choice(ids, (rows, length), p=chance / chance.sum())
    for role, at in (("cls", 0), ("sep", -1)):
        if role in specials:
            tokens[:, at] = specials[role]
    for some in np.split(tokens, range(16, rows, 16)):
        yield {"input_ids": some, "attention_mask": np.ones_like(some)}
