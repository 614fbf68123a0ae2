"""Networks prepared for export: plain products, and for 8 bits balanced inputs and quantized embedding rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from finkd.tokenization.tokens import Longs

_SHARE = 0.8
"""Exponent a of ``balance``; of .65 to .85, the one with the smallest differences from fp32 for three students and a
teacher."""
_ZERO = 8
"""Number that stands for 0 in 4 bits."""
_NEAR = 0.01
"""Of a step: what a weight may differ from a whole multiple of it."""
TYPICAL_LENGTH = 40
"""Tokens of a news sentence, rounded up."""


class Product(nn.Module):
    """Linear layer with a transposed matrix.

    The exporter transposes the matrix of ``nn.Linear`` within the graph, and folds that only if no other layer has the
    same matrix; otherwise it is transposed at every run, and quantization passes over it. Networks may read the
    attributes of the layer that it replaces.

    Args:
        matrix: (inputs, outputs).
        bias: (outputs,), or ``None``.
        factors: (inputs,) factors of the inputs, whose inverses are in the matrix; or ``None``.
    """

    def __init__(self, matrix: nn.Parameter, bias: nn.Parameter | None, factors: nn.Parameter | None) -> None:
        super().__init__()
        self.matrix, self.bias, self.factors = matrix, bias, factors
        self.in_features, self.out_features = matrix.shape

    @property
    def weight(self) -> Tensor:
        """(outputs, inputs) matrix of the layer."""
        matrix = self.matrix if self.factors is None else self.matrix * self.factors[:, None]
        return matrix.T

    def forward(self, states: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        product = (states if self.factors is None else states * self.factors) @ self.matrix
        return product if self.bias is None else product + self.bias


class _Table(nn.Module):
    """Embedding table whose numbers have few bits.

    Networks may read the attributes of the table that it replaces, as DeBERTa reads the weights of relative positions.

    Args:
        table: the embeddings, (rows, width).
    """

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = table.num_embeddings, table.embedding_dim
        self.padding_idx = table.padding_idx

    @property
    def weight(self) -> Tensor:
        """(rows, width) embeddings, as rounded."""
        found: Tensor = self(torch.arange(self.num_embeddings))
        return found


class Rows(_Table):
    """Embedding table in 8 bits with a scale for each row."""

    rows: Tensor
    steps: Tensor

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__(table)
        weight = table.weight.detach()
        steps = weight.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(weight.dtype).tiny) / 127
        self.register_buffer("rows", (weight / steps).round().to(torch.int8))
        self.register_buffer("steps", steps)

    def forward(self, ids: Tensor) -> Tensor:
        """Map (...) row numbers to (..., width) embeddings."""
        return functional.embedding(ids, self.rows).to(self.steps.dtype) * functional.embedding(ids, self.steps)


class PackedRows(_Table):
    """Embedding table in 4 bits, two numbers in a byte, with a scale for each row.

    The weights of each row have to be whole multiples of a step, as ``compress:quantize`` makes them.
    """

    pairs: Tensor
    steps: Tensor

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__(table)
        codes, steps = _codes(table.weight.detach())
        half = codes.shape[1] // 2
        self.register_buffer("pairs", (codes[:, :half] + 16 * codes[:, half:]).to(torch.uint8))
        self.register_buffer("steps", steps)

    @staticmethod
    def fits(table: nn.Embedding) -> bool:
        """Whether a table can be held so without loss."""
        weight = table.weight.detach()
        if weight.shape[1] % 2:
            return False
        codes, steps = _codes(weight)
        return bool(((codes - _ZERO) * steps - weight).abs().le(_NEAR * steps).all())

    def forward(self, ids: Tensor) -> Tensor:
        """Map (...) row numbers to (..., width) embeddings."""
        pairs = functional.embedding(ids, self.pairs).to(self.steps.dtype)
        second = torch.floor(pairs / 16)  # in floats, since runtimes differ in what they can do with bits
        codes = torch.cat([pairs - 16 * second, second], dim=-1)
        return (codes - _ZERO) * functional.embedding(ids, self.steps)


def _codes(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return (rows, width) numbers from 1 to 15 and (rows, 1) steps, the largest that fit; ``_ZERO`` stands for 0."""
    most = weight.abs().amax(dim=1, keepdim=True).clamp(min=torch.finfo(weight.dtype).tiny)
    steps = most / (_ZERO - 1)
    for largest in range(_ZERO - 1, 0, -1):  # the number that stands for the largest weight of a row
        found = weight / most * largest
        fits = (found - found.round()).abs().amax(dim=1, keepdim=True) <= _NEAR
        steps = torch.where(fits, most / largest, steps)
    return (weight / steps).round() + _ZERO, steps


def use_products(network: nn.Module, divisors: Mapping[Tensor, Tensor]) -> None:
    """Replace all linear layers by products; shared weights stay shared.

    Args:
        network: is changed.
        divisors: by matrix, of the inputs of its layer (``balance``).
    """
    inverse = {each: nn.Parameter(1 / each) for each in set(divisors.values())}  # shared by layers of the same input
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
    """Replace all embeddings by tables in 8 bits; those that hold as few values as 4 bits can tell by tables in 4."""
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Embedding):
            network.set_submodule(name, PackedRows(module) if PackedRows.fits(module) else Rows(module))


def balance(network: nn.Module, batches: Iterable[Mapping[str, Longs]]) -> dict[Tensor, Tensor]:
    """Compute divisors of the inputs of linear layers for quantization to 8 bits.

    All inputs of a layer have one scale, and in an encoder a few of them are twenty times as large as the others, for
    which few of the 256 steps remain. Each input is divided by a number, and its row of the matrix is multiplied with
    it: the function is the same, and both are easier to quantize (SmoothQuant, Xiao et al. 2023, equation 4):

        s_j = max |X_j| ** a / max |W_j| ** (1 - a)

    Args:
        network: the model.
        batches: typical arguments of the network.

    Returns:
        (inputs,) divisors by matrix; one tensor for all matrices with the same input, so that a graph divides and
        quantizes it once.
    """
    first: dict[Tensor, Tensor] = {}  # matrix -> the first one with the same input
    readers: dict[Tensor, Tensor] = {}  # states of this batch -> the first matrix that reads them
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
                readers.clear()  # frees the states
    finally:
        for hook in hooks:
            hook.remove()
    together = {reader: [weight for weight in first if first[weight] is reader] for reader in peaks}
    divisors = {}
    for reader, peak in peaks.items():
        inputs = peak.clamp(min=peak.median())  # an input that is small here may be large elsewhere
        weights = torch.cat(together[reader]).detach()
        found = inputs**_SHARE / weights.abs().amax(dim=0) ** (1 - _SHARE)
        divisors[reader] = torch.where(torch.isfinite(found) & (found > 0), found, 1.0)
    return {weight: divisors[reader] for weight, reader in first.items()}


def drawn(
    ids: int, specials: Mapping[str, int], length: int = TYPICAL_LENGTH, rows: int = 256, cases: int = 0
) -> Iterator[dict[str, Longs]]:
    """Draw batches of tokens from a vocabulary by Zipf's law, in place of text.

    The ids of a trained vocabulary are ordered by frequency.

    Args:
        ids: size of the vocabulary.
        specials: role -> id of its special tokens.
        length: of a row, with its special tokens.
        rows: of all batches.
        cases: of words, which are drawn equally often; 0 for models that are not given them.
    """
    chance = 1 / (np.arange(ids) + 50.0)
    chance[list(specials.values())] = 0
    random = np.random.default_rng(0)
    tokens = random.choice(ids, (rows, length), p=chance / chance.sum())
    for role, at in (("cls", 0), ("sep", -1)):
        if role in specials:
            tokens[:, at] = specials[role]
    for some in np.split(tokens, range(16, rows, 16)):
        types = {"token_type_ids": random.integers(0, cases, some.shape)} if cases else {}
        yield {"input_ids": some, "attention_mask": np.ones_like(some), **types}
